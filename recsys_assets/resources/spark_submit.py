"""Steps on any Spark cluster: handed to `spark-submit`, their reports brought back by Pipes.

    step, params -> file -> spark-submit --master spark://…, yarn, k8s://… -> file -> report

Driver and executors must see the lake, and executors need a Python with what the steps import: the
same image or environment, or `spark.archives` in the file of RECSYS_SPARK_CONF.
"""

import sys
from pathlib import Path

import dagster as dg
import pyspark
from dagster._core.errors import DagsterPipesExecutionError
from pydantic import BaseModel, Field

from recsys_assets.resources.compute import SparkCompute
from recsys_assets.resources.databricks_run import ReportingContext
from recsys_assets.resources.jvm import prepare_environment
from recsys_assets.resources.kept_messages import KeptFileMessages
from recsys_assets.resources.spark import session_config
from recsys_assets.steps import submitted
from recsys_assets.steps.remote import Order
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Step, name_of


class SparkSubmit(SparkCompute):
    """Each step is an application of its own on a Spark cluster."""

    master: str = Field(description="Spark master: spark://host:port, yarn, k8s://….")

    def run(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> StepReport:
        """Submit the step, wait for its end and return its report.

        Raises:
            dagster.Failure: the step failed, the application did, or no report arrived.
            dagster.DagsterExecutionInterruptedError: this process was told to stop, and has told
                the application.
        """
        self.wait_for_turn(context)
        prepare_environment()
        messages = KeptFileMessages(include_stdio_in_messages=False)
        client = dg.PipesSubprocessClient(message_reader=messages)
        error = ""
        try:
            client.run(
                context=ReportingContext(context),  # type: ignore[arg-type]
                command=self._command(name_of(step)),
                extras=self._order(context, step, params).model_dump(mode="json"),
            )
        except DagsterPipesExecutionError as failure:
            error = str(failure)
        answer = messages.answer
        if answer.report is None or error:
            reason = answer.error or error or "it ended well, but no report arrived"
            raise dg.Failure(f"{name_of(step)} failed on {self.master}: {reason}")
        return answer.report

    def _command(self, name: str) -> list[str]:
        home = self._state()
        config = session_config(self._spark_settings(), home.cache, home.scratch)
        config["spark.app.name"] = name
        config.setdefault("spark.pyspark.python", sys.executable)
        if "127.0.0.1" not in self.master:  # the executors have to find the driver
            for key in ("spark.driver.host", "spark.driver.bindAddress"):
                if key not in self.conf:
                    del config[key]
        given = [word for key, value in config.items() for word in ("--conf", f"{key}={value}")]
        submit = str(Path(pyspark.__file__).parent / "bin" / "spark-submit")
        return [submit, "--master", self.master, *given, str(Path(submitted.__file__))]

    def _order(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> Order:
        home = self._state()
        return Order(
            step=name_of(step),
            params=params.model_dump(mode="json"),
            run_id=context.run_id,
            lake=home.address("lake"),
            landing=home.address("landing"),
            rejected=home.address("rejected"),
            registry=home.registry.uri,
            artifacts=home.registry.artifacts,
        )
