"""Opening Spark on this machine: its settings."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field
from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from recsys_assets.resources.jars import AZURE_PACKAGES, resolve_jars, unpack_lightgbm
from recsys_assets.resources.jvm import jvm_options, prepare_environment
from recsys_assets.resources.jvm_output import without_remarks

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
"""What Spark says to the terminal."""


class SparkSettings(BaseModel):
    """How Spark runs on this machine."""

    master: str = "local[*]"
    """Spark master; one process with all cores by default."""
    driver_memory: str = Field(default="6g", pattern=r"^\d+[kmgtKMGT]$")
    """Memory of the JVM, as 6g or 6000m; kernels take their own beside it."""
    shuffle_partitions: int = Field(default_factory=lambda: os.cpu_count() or 2)
    """Partitions of a shuffle; the number of cores suits one machine."""
    azure: bool = False
    """Whether Spark itself has to reach Azure's storage."""
    conf: dict[str, str] = Field(default_factory=dict)
    """Further settings of Spark's; they have the last word."""


class JvmDiedError(Exception):
    """Spark's JVM is gone: killed, or out of memory."""

    def __init__(self) -> None:
        super().__init__(
            "the JVM of Spark died while a step was at work: it was killed, or the machine had no"
            " memory left; look for 'Out of memory' in the kernel's log, then run again"
        )


def jvm_is_dead(within_seconds: float = 0.0) -> bool:
    """Whether this process had a JVM that is gone, or is so within a while."""
    process = getattr(SparkContext._gateway, "proc", None)
    if process is None:
        return False
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def forget_dead_session() -> None:
    """Let a new session open in a process whose JVM has died."""
    if not jvm_is_dead():
        return
    SparkContext._gateway = SparkContext._jvm = None
    SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None


def start_jvm(config: Mapping[str, str]) -> None:
    """Start the JVM that Spark will run in, with an output of its own, where there is none yet.

    Args:
        config: Spark's settings; those of the JVM count from its start only.
    """
    if SparkContext._gateway is None:
        conf = SparkConf(loadDefaults=False).setAll(list(config.items()))
        with without_remarks() as output:
            gateway = launch_gateway(conf, {"stdout": output})
        SparkContext._ensure_initialized(gateway=gateway)


@contextmanager
def keeping_interrupts() -> Iterator[None]:
    """Open Spark in here, which puts a handler of its own in the place of that of interrupts.

    It asks the JVM to cancel its jobs, on the connection that waits for an answer. That fails, and
    what was to end the run becomes an error of the call: the step fails, and the run goes on.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


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
    here: dict[str, str] = {}
    if libraries := unpack_lightgbm(jars.values(), cache):
        here["spark.driver.extraLibraryPath"] = str(libraries)
    if settings.azure:
        jars = {jar.name: jar for jar in resolve_jars(cache / "azure", AZURE_PACKAGES)} | jars
    else:
        # More files than this Spark looks up by a job of its own: worth it in a storage that
        # answers slowly; on a disk half a second is lost where looking takes a twentieth.
        here["spark.sql.sources.parallelPartitionDiscovery.threshold"] = "1000"
    return {
        "spark.master": settings.master,
        "spark.app.name": "recsys_assets",
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": shlex.join(
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
        "spark.python.daemon.module": "recsys_assets.steps.worker_daemon",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        **here,
        **settings.conf,
    }
