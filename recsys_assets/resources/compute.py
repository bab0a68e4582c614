"""Where steps run: asset bodies hand a step over and get its report back."""

import abc
import threading
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from py4j.protocol import Py4JNetworkError
from pydantic import BaseModel, Field

from recsys_assets.home import Home
from recsys_assets.resources.jvm import prepare_environment
from recsys_assets.resources.ownership import claim
from recsys_assets.resources.run_lock import LONGEST_WAIT_SECONDS, acquire, release
from recsys_assets.resources.spark import (
    JvmDiedError,
    SparkSettings,
    forget_dead_session,
    jvm_is_dead,
    keeping_interrupts,
    session_config,
    start_jvm,
)
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session, Step
from recsys_assets.steps.workers import start_workers

_AHEAD: list[threading.Thread] = []
"""What opens Spark ahead of the first step, if anything does."""
_OF_SOCKETS = (ConnectionError, EOFError, Py4JNetworkError)
_DYING_SECONDS = 2.0


class Compute(dg.ConfigurableResource, abc.ABC):  # type: ignore[type-arg]
    """Runs steps, for one run at a time in a home: wherever steps run, they write its tables."""

    home: str = Field(default="", description="Folder of all state; without one nobody waits.")
    account: str = Field(default="", description="Storage account of Azure; none: all local.")

    @abc.abstractmethod
    def run(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> StepReport:
        """Run a step to its end and return its report; its error is this call's error."""

    def open_ahead(self) -> None:
        """Begin with what the first step will wait for; nothing, where steps run elsewhere."""

    def wait_for_turn(self, context: dg.AssetExecutionContext) -> None:
        """Be alone in this home from the run's first step on until the run has ended."""
        if self.home and "_lock_taken" not in self.__dict__:  # by the first step, kept by the run
            claim(Home(root=Path(self.home), account=self.account))
            self.__dict__["_lock_taken"] = acquire(
                Path(self.home), LONGEST_WAIT_SECONDS, context.run_id, context.log.info
            )

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Let others write again."""
        if self.__dict__.pop("_lock_taken", False):
            release(Path(self.home))


class SparkCompute(Compute):
    """Steps run on the Spark of some master, with all state in one home."""

    home: str = Field(description="Folder of all state.")
    mlflow: str = Field(default="", description="MLflow's address; none: a file of the home.")
    master: str = Field(default="local[*]", description="Spark master.")
    driver_memory: str = Field(default="6g", description="Memory of the JVM.")
    conf: dict[str, str] = Field(default={}, description="Further settings of Spark's.")

    def _state(self) -> Home:
        return Home(root=Path(self.home), account=self.account, mlflow=self.mlflow)

    def _spark_settings(self) -> SparkSettings:
        return SparkSettings(
            master=self.master,
            driver_memory=self.driver_memory,
            azure=bool(self.account),
            conf=self.conf,
        )


class LocalSpark(SparkCompute):
    """Steps run in this process, on one Spark session that opens at the first of them.

    The session comes from dagster-pyspark's ``LazyPySparkResource``. It is made here rather than
    configured as a resource of its own because its settings name jars that are resolved only when
    Spark is really needed, and because Spark's workers must find this Python and a Java.
    """

    def open_ahead(self) -> None:
        """Open Spark in a thread, while this process still loads its modules and plans its run.

        Spark is one to a process: the resource that runs the steps finds this one. Its workers are
        on their way by then. A program that ends before waits for it: broken off, the JVM would
        tell of it.
        """
        _AHEAD.append(threading.Thread(target=self._try_to_open, daemon=False))
        _AHEAD[-1].start()

    def _try_to_open(self) -> None:
        with suppress(Exception):  # it comes again, and is told, where a step needs the session
            spark = self._open().spark
            if threading.main_thread().is_alive():
                start_workers(spark)

    @cached_property
    def _session(self) -> Session:
        while _AHEAD:
            _AHEAD.pop().join()
        return self._open()

    def _open(self) -> Session:
        forget_dead_session()
        prepare_environment()
        home = self._state()
        config = session_config(self._spark_settings(), home.cache, home.scratch)
        start_jvm(config)
        with keeping_interrupts():
            spark = LazyPySparkResource(spark_config=config).spark_session
        return Session(spark, home.lake, home.landing_zone, home.registry, reports=home.reports)

    def run(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> StepReport:
        """Call the step here, alone in this home until the run has ended."""
        self.wait_for_turn(context)
        try:
            return step(self._session.for_run(context.run_id), params)
        except Exception as error:
            # What a step sees of it is any of a dozen errors about sockets and streams, which close
            # a moment before the process has ended.
            if jvm_is_dead(_DYING_SECONDS if isinstance(error, _OF_SOCKETS) else 0.0):
                raise JvmDiedError from error
            raise
