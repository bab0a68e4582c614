"""Spark's jars: SynapseML's holds the LightGBM that Python loads here, and is else what it was.

Its libraries lie beside the jars, where the JVM looks for them.
"""

import json
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from recsys_assets.deployment import current_deployment
from recsys_assets.resources import jars
from recsys_assets.resources.jars import (
    LIBRARIES_IN_JAR,
    LIGHTGBM_IN_JAR,
    LIGHTGBM_JAR,
    installed_lightgbm,
    replace_lightgbm,
    resolve_jars,
    unpack_lightgbm,
)

OTHERS = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "com/microsoft/A.class": b"code"}


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    """One with a library that is none."""
    path = tmp_path / f"{LIGHTGBM_JAR}1.jar"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**OTHERS, LIGHTGBM_IN_JAR: b"old"}.items():
            archive.writestr(name, content)
    return path


def contents(jar: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(jar) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_library_is_the_installed_one_and_all_else_stays(jar: Path) -> None:
    replace_lightgbm(jar)
    assert contents(jar) == {**OTHERS, LIGHTGBM_IN_JAR: installed_lightgbm().read_bytes()}


def test_other_kinds_of_machine_keep_what_they_have(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    replace_lightgbm(jar)
    assert contents(jar)[LIGHTGBM_IN_JAR] == b"old"
    assert unpack_lightgbm([jar], tmp_path) is None


def test_libraries_lie_beside_the_jars_by_their_version(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(jar, "a") as archive:
        archive.writestr(f"{LIBRARIES_IN_JAR}lib_lightgbm_swig.so", b"bridge")
    folders = []
    for version in ("1", "1", "2"):
        monkeypatch.setattr("importlib.metadata.version", lambda name, version=version: version)
        folder = unpack_lightgbm([tmp_path / "another.jar", jar], tmp_path)
        assert folder is not None
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert files == {"lib_lightgbm.so": b"old", "lib_lightgbm_swig.so": b"bridge"}
        folders.append(folder)
    assert folders[0] == folders[1] != folders[2]
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == set(folders)


def test_who_unpacks_later_takes_what_is_there(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack = jars._unpack_libraries

    def unpack_after_another(jar: Path, folder: Path) -> None:
        monkeypatch.setattr(jars, "_unpack_libraries", unpack)
        first = unpack_lightgbm([jar], tmp_path)
        assert first is not None
        (first / "mark").touch()
        unpack(jar, folder)

    monkeypatch.setattr(jars, "_unpack_libraries", unpack_after_another)
    folder = unpack_lightgbm([jar], tmp_path)
    assert folder is not None
    assert {path.name for path in folder.iterdir()} == {"lib_lightgbm.so", "mark"}
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [folder]


def test_the_cache_follows_the_installed_version(
    tmp_path: Path, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []

    def fetch(cache: Path, packages: tuple[str, ...]) -> None:
        (cache / "jars").mkdir(exist_ok=True)
        (cache / "jars" / jar.name).write_bytes(jar.read_bytes())
        fetched.append(cache)

    monkeypatch.setattr(jars, "_fetch_jars", fetch)
    for version in ("1", "1", "2"):
        monkeypatch.setattr("importlib.metadata.version", lambda name, version=version: version)
        (resolved,) = resolve_jars(tmp_path, ("some:package:1",))
        assert json.loads((tmp_path / "jars.json").read_text())["lightgbm"] == version
        assert contents(resolved)[LIGHTGBM_IN_JAR] != b"old"
    assert len(fetched) == 2


_RESOLVE = """
import sys, time
from pathlib import Path
from recsys_assets.resources import jars
cache, source = Path(sys.argv[1]), Path(sys.argv[2])
def fetch(cache, packages):
    print("fetched", flush=True)
    (cache / "jars").mkdir(parents=True, exist_ok=True)
    (cache / "jars" / source.name).write_bytes(source.read_bytes())
    time.sleep(0.5)
jars._fetch_jars = fetch
print("ready", flush=True)
sys.stdin.readline()
print([jar.name for jar in jars.resolve_jars(cache, ("some:package:1",))], flush=True)
"""


def test_of_two_processes_that_begin_at_once_one_fetches(tmp_path: Path, jar: Path) -> None:
    command = [sys.executable, "-c", _RESOLVE, str(tmp_path / "cache"), str(jar)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        both = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(2)]  # type: ignore[call-overload]
        for process in both:
            assert process.stdout.readline() == "ready\n"
        for process in both:
            process.stdin.write("\n")
            process.stdin.flush()
        said = "".join(process.communicate()[0] for process in both)
    assert said.count("fetched") == 1
    assert said.count(f"['{jar.name}']") == 2


def test_spark_runs_with_it(spark: SparkSession) -> None:
    cache = current_deployment().home.cache
    (jar,) = (path for path in resolve_jars(cache) if path.name.startswith(LIGHTGBM_JAR))
    library = installed_lightgbm().read_bytes()
    assert contents(jar)[LIGHTGBM_IN_JAR] == library
    looked: str = spark._jvm.java.lang.System.getProperty("java.library.path")  # type: ignore[union-attr]
    assert (Path(looked.split(":")[0]) / "lib_lightgbm.so").read_bytes() == library


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        (
            "http://me:secret@proxy.corp.example:3128/",
            "-Xss4m -Dhttps.proxyHost=proxy.corp.example -Dhttps.proxyPort=3128"
            " -Dhttp.nonProxyHosts=localhost|*.corp.example|10.1.2.3",
        ),
        ("socks5://127.0.0.1:1080", "-Xss4m"),
        ("", "-Xss4m"),
    ],
)
def test_jars_are_fetched_through_the_proxy_that_pip_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, expected: str
) -> None:
    asked: list[str] = []

    def run(words: list[str], env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(env["JAVA_TOOL_OPTIONS"])
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.delenv("https_proxy", raising=False)
    for name, value in (
        ("HTTPS_PROXY", proxy),
        ("NO_PROXY", ".corp.example, 10.1.2.3"),
        ("JAVA_TOOL_OPTIONS", "-Xss4m"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(jars, "prepare_environment", lambda: None)
    monkeypatch.setattr(subprocess, "run", run)
    resolve_jars(tmp_path)
    assert asked == [expected]
