"""Jars that Spark needs beyond its own: fetched once into the cache, LightGBM made the newest.

    Maven coordinates -> Spark's own resolver -> cache -> LightGBM's library of this installation
    -> beside the jars, where the JVM of this machine finds it

SynapseML brings a LightGBM of 2023. What it calls is LightGBM's C interface, which has stayed what
it was; so the library that Python loads here takes its place in the jar, and models are grown by
the very version that scores them. Executors elsewhere get it with the jar.
"""

import fcntl
import json
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from importlib import metadata, util
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from recsys_assets.resources.jvm import prepare_environment

PACKAGES = (
    "com.microsoft.azure:synapseml-lightgbm_2.12:1.1.3",
    "io.delta:delta-spark_2.12:3.3.2",
)
"""Maven coordinates beyond what pyspark ships; resolved once into the cache."""
AZURE_PACKAGES = ("org.apache.hadoop:hadoop-azure:3.3.4",)
"""What Spark needs to reach Azure's storage; of the Hadoop that pyspark ships."""

LIGHTGBM_JAR = "com.microsoft.ml.lightgbm_lightgbmlib-"
LIBRARIES_IN_JAR = "com/microsoft/ml/lightgbm/linux/x86_64/"
LIGHTGBM_IN_JAR = f"{LIBRARIES_IN_JAR}lib_lightgbm.so"


class SparkSetupError(Exception):
    """Spark cannot be opened here; the message says what is missing."""


def resolve_jars(cache: Path, packages: tuple[str, ...] = PACKAGES) -> list[Path]:
    """Jars of packages; from the network the first time, from the cache ever after.

    Of processes that begin at once, as after an update, one fetches and the others wait for it.

    Args:
        cache: folder that holds the jars of these packages and of no others.
        packages: Maven coordinates.

    Raises:
        SparkSetupError: they are not in the cache and cannot be fetched.
    """
    if jars := _known_jars(cache, packages):
        return jars
    prepare_environment()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "jars.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever had to wait finds them.
        return _known_jars(cache, packages) or _make_jars(cache, packages)


def _known_jars(cache: Path, packages: tuple[str, ...]) -> list[Path]:
    """Jars of the cache; none where they are others, or not all of them are there."""
    listing = cache / "jars.json"
    if not listing.is_file():
        return []
    known = json.loads(listing.read_text(encoding="utf-8"))
    jars = [cache / "jars" / name for name in known.pop("jars")]
    return jars if known == _wanted(packages) and all(jar.is_file() for jar in jars) else []


def _wanted(packages: tuple[str, ...]) -> dict[str, object]:
    """What the listing of a cache says that fits this installation."""
    return {"packages": list(packages), "lightgbm": metadata.version("lightgbm")}


def _make_jars(cache: Path, packages: tuple[str, ...]) -> list[Path]:
    """Fetch jars and list them; to be done by one process at a time."""
    _fetch_jars(cache, packages)
    jars = sorted((cache / "jars").glob("*.jar"))
    for jar in jars:
        if jar.name.startswith(LIGHTGBM_JAR):
            replace_lightgbm(jar)
    listing = cache / "jars.json"
    partial = listing.with_suffix(".part")
    record = {**_wanted(packages), "jars": [jar.name for jar in jars]}
    partial.write_text(json.dumps(record, indent=1), encoding="utf-8")
    partial.replace(listing)
    return jars


def replace_lightgbm(jar: Path) -> None:
    """Put the LightGBM that Python loads here into SynapseML's jar.

    Only on Linux and x86-64, the one kind of machine that both have a library for; others keep
    SynapseML's.
    """
    library = installed_lightgbm()
    if not _is_linux_on_x86_64() or not library.is_file():
        return
    partial = jar.with_suffix(".part")
    with zipfile.ZipFile(jar) as old, zipfile.ZipFile(partial, "w") as new:
        for entry in old.infolist():
            here = entry.filename == LIGHTGBM_IN_JAR
            new.writestr(entry, library.read_bytes() if here else old.read(entry))
    partial.replace(jar)


def unpack_lightgbm(jars: Iterable[Path], cache: Path) -> Path | None:
    """Folder with the libraries of SynapseML's jar; None where the jar has none for this machine.

    What the JVM does not find by itself SynapseML unpacks anew, into a folder of its own under
    `/tmp`, whenever a fit or one of its tasks begins: 9 MB each time, left behind if the run dies.
    """
    if not _is_linux_on_x86_64():
        return None
    folder = cache / f"lightgbm-{metadata.version('lightgbm')}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=cache) as made:
        partial = Path(made) / folder.name
        partial.mkdir()
        for jar in jars:
            if jar.name.startswith(LIGHTGBM_JAR):
                _unpack_libraries(jar, partial)
        try:
            partial.rename(folder)
        except OSError:
            # Another process was quicker.
            if not folder.is_dir():
                raise
    return folder


def _unpack_libraries(jar: Path, folder: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if name.startswith(LIBRARIES_IN_JAR) and not name.endswith("/"):
                (folder / Path(name).name).write_bytes(archive.read(name))


def _is_linux_on_x86_64() -> bool:
    return (platform.system(), platform.machine()) == ("Linux", "x86_64")


def installed_lightgbm() -> Path:
    """LightGBM's library in this installation of Python."""
    package = util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise SparkSetupError("LightGBM is not installed: set up from requirements.lock again")
    return Path(package.origin).parent / "lib" / "lib_lightgbm.so"


def _fetch_jars(cache: Path, packages: tuple[str, ...]) -> None:
    """Let Spark's own resolver bring the jars by opening and closing a session in a process."""
    script = (
        "from pyspark.sql import SparkSession\n"
        "SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false')"
        f".config('spark.jars.packages', {','.join(packages)!r})"
        f".config('spark.jars.ivy', {str(cache)!r}).getOrCreate().stop()\n"
    )
    options = f"{os.environ.get('JAVA_TOOL_OPTIONS', '')} {_by_proxy()}".strip()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "JAVA_TOOL_OPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SparkSetupError(
            f"Spark's packages {', '.join(packages)} could not be fetched into {cache}. "
            f"Once they are there no network is needed. Spark said:\n{done.stderr[-2000:]}"
        )


def _by_proxy() -> str:
    """Options that lead a JVM through the proxy of HTTPS_PROXY, which it does not look at."""
    known = getproxies()
    named = known.get("https", "")
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if not proxy.hostname or proxy.scheme not in ("http", "https"):
        return ""
    hosts = [host.strip() for host in known.get("no", "").split(",") if host.strip()]
    past = "|".join(f"*{host}" if host.startswith(".") else host for host in ["localhost", *hosts])
    port = proxy.port or (443 if proxy.scheme == "https" else 80)
    return (
        f"-Dhttps.proxyHost={proxy.hostname} -Dhttps.proxyPort={port} -Dhttp.nonProxyHosts={past}"
    )
