"""Opening Spark on this machine: its jars, its settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, Field
from pyspark import SparkContext
from pyspark.sql import SparkSession

from recsys_assets.resources.jvm import jvm_options, prepare_environment

PACKAGES = (
    "com.microsoft.azure:synapseml-lightgbm_2.12:1.1.3",
    "io.delta:delta-spark_2.12:3.3.2",
)
"""Maven coordinates beyond what pyspark ships; resolved once into the cache."""
AZURE_PACKAGES = ("org.apache.hadoop:hadoop-azure:3.3.4",)
"""What Spark needs to reach Azure's storage; of the Hadoop that pyspark ships."""

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
"""What Spark says to the terminal."""


class SparkSettings(BaseModel):
    """How Spark runs on this machine."""

    master: str = "local[*]"
    """Spark master; one process with all cores by default."""
    driver_memory: str = "6g"
    """Memory of the JVM; kernels take their own beside it."""
    shuffle_partitions: int = Field(default_factory=lambda: os.cpu_count() or 2)
    """Partitions of a shuffle; the number of cores suits one machine."""
    azure: bool = False
    """Whether Spark itself has to reach Azure's storage."""
    conf: dict[str, str] = Field(default_factory=dict)
    """Further settings of Spark's; they have the last word."""


class SparkSetupError(Exception):
    """Spark cannot be opened here; the message says what is missing."""


class JvmDiedError(Exception):
    """Spark's JVM is gone: killed, or out of memory."""

    def __init__(self) -> None:
        super().__init__(
            "the JVM of Spark died while a step was at work: it was killed, or the machine had no"
            " memory left; look for 'Out of memory' in the kernel's log, then run again"
        )


def jvm_is_dead() -> bool:
    """Whether this process had a JVM that is gone."""
    process = getattr(SparkContext._gateway, "proc", None)
    return process is not None and process.poll() is not None


def forget_dead_session() -> None:
    """Let a new session open in a process whose JVM has died."""
    if not jvm_is_dead():
        return
    SparkContext._gateway = SparkContext._jvm = None
    SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None


def resolve_jars(cache: Path, packages: tuple[str, ...] = PACKAGES) -> list[Path]:
    """Jars of packages; from the network the first time, from the cache ever after.

    Args:
        cache: folder that holds the jars of these packages and of no others.
        packages: Maven coordinates.

    Raises:
        SparkSetupError: they are not in the cache and cannot be fetched.
    """
    listing = cache / "jars.json"
    if listing.is_file():
        known = json.loads(listing.read_text(encoding="utf-8"))
        jars = [cache / "jars" / name for name in known["jars"]]
        if known["packages"] == list(packages) and all(jar.is_file() for jar in jars):
            return jars
    prepare_environment()
    _fetch_jars(cache, packages)
    jars = sorted((cache / "jars").glob("*.jar"))
    record = {"packages": list(packages), "jars": [jar.name for jar in jars]}
    partial = listing.with_suffix(".part")
    partial.write_text(json.dumps(record, indent=1), encoding="utf-8")
    partial.replace(listing)
    return jars


def _fetch_jars(cache: Path, packages: tuple[str, ...]) -> None:
    """Let Spark's own resolver bring the jars by opening and closing a session in a process."""
    cache.mkdir(parents=True, exist_ok=True)
    script = (
        "from pyspark.sql import SparkSession\n"
        "SparkSession.builder.master('local[1]').config('spark.ui.enabled', 'false')"
        f".config('spark.jars.packages', {','.join(packages)!r})"
        f".config('spark.jars.ivy', {str(cache)!r}).getOrCreate().stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SparkSetupError(
            f"Spark's packages {', '.join(packages)} could not be fetched into {cache}. "
            f"Once they are there no network is needed. Spark said:\n{done.stderr[-2000:]}"
        )


def open_spark(settings: SparkSettings, cache: Path, scratch: Path) -> SparkSession:
    """A session with these settings, for what has no Dagster around it."""
    prepare_environment()
    builder = SparkSession.builder
    for key, value in session_config(settings, cache, scratch).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def session_config(settings: SparkSettings, cache: Path, scratch: Path) -> dict[str, str]:
    """Spark's own settings for a session on this machine."""
    jars = {jar.name: jar for jar in resolve_jars(cache)}
    if settings.azure:
        jars = {jar.name: jar for jar in resolve_jars(cache / "azure", AZURE_PACKAGES)} | jars
    return {
        "spark.master": settings.master,
        "spark.app.name": "recsys_assets",
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": " ".join(
            [
                *jvm_options(cache, scratch),
                f"-Dderby.system.home={scratch}",
                f"-Dlog4j2.configurationFile={LOG_SETTINGS.as_uri()}",
            ]
        ),
        "spark.jars": ",".join(str(jar) for jar in jars.values()),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        **settings.conf,
    }
