"""A step on a cluster: the entry point of the project's wheel there.

    Pipes extras (`Order`) -> the step, on the cluster's Spark session -> Pipes message (`Answer`)

What asked for the step reads the same two models, so that both ends cannot drift apart. The step's
error travels twice: as the answer, and as the exception with which Pipes is closed.
"""

import sys
from pathlib import Path
from typing import Any

from dagster_pipes import (
    PipesContextLoader,
    PipesEnvVarParamsLoader,
    PipesMessageWriter,
    PipesParamsLoader,
    PipesUnityCatalogVolumesContextLoader,
    PipesUnityCatalogVolumesMessageWriter,
    open_dagster_pipes,
)
from pydantic import BaseModel
from pyspark.sql import SparkSession

from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.store import is_remote, place
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session, params_of, step_named


class Order(BaseModel):
    """What a cluster is asked to do."""

    step: str
    """Name of the step, ``module:function``."""
    params: dict[str, Any]
    """The step's parameters, as JSON."""
    run_id: str
    """The run on whose behalf the step works."""
    lake: str
    """Folder of the tables, as the cluster sees it; so are the two that follow."""
    landing: str
    """Folder of landed files."""
    rejected: str
    """Folder of rejected files."""
    registry: str
    """MLflow's address."""
    artifacts: str = ""
    """Where MLflow keeps files of new experiments; the server's own choice if empty."""


class Answer(BaseModel):
    """What became of an order: a report or an error."""

    report: StepReport | None = None
    error: str = ""
    """Class and message of what the step raised."""


def open_session(order: Order) -> Session:
    """The cluster's own Spark session, with the order's tables, files and models.

    Raises:
        FileNotFoundError: this cluster does not see the home.
    """
    home = Path(order.lake).parent
    # Nothing would have landed in it, which is no error, and tables would go with the cluster.
    if not is_remote(order.lake) and not home.is_dir():
        raise FileNotFoundError(
            f"the cluster does not see {home}: set RECSYS_DATABRICKS_HOME to where it does,"
            " or let files and tables lie in Azure (RECSYS_DEPLOYMENT=azure)"
        )
    return Session(
        SparkSession.builder.getOrCreate(),
        Lake(order.lake),
        LandingZone(place(order.landing), place(order.rejected)),
        ModelRegistry(order.registry, order.artifacts),
        run_id=order.run_id,
    )


def run_order(order: Order) -> StepReport:
    """Run the step that an order names.

    Raises:
        ValueError: there is no such step, or its parameters are not valid.
    """
    step = step_named(order.step)
    params = params_of(step).model_validate(order.params)
    return step(open_session(order), params)


def answer_order(
    loader: PipesContextLoader, writer: PipesMessageWriter[Any], params: PipesParamsLoader
) -> None:
    """Run the step that Dagster asked this process for, and answer; a failure is raised again."""
    if not params.is_dagster_pipes_process():
        raise SystemExit("this is started by Dagster on a cluster; on one machine use `recsys run`")
    with open_dagster_pipes(
        context_loader=loader, message_writer=writer, params_loader=params
    ) as pipes:
        try:
            answer = Answer(report=run_order(Order.model_validate(pipes.extras)))
        except BaseException as error:  # what breaks off in Rust is no Exception
            answer = Answer(error=f"{type(error).__name__}: {error}")
            raise
        finally:
            pipes.report_custom_message(answer.model_dump(mode="json"))


def main() -> None:
    """Answer the order that lies in a Unity Catalog volume."""
    answer_order(
        PipesUnityCatalogVolumesContextLoader(),
        PipesUnityCatalogVolumesMessageWriter(),
        PipesEnvVarParamsLoader(),
    )


def run_alone() -> None:
    """Run a step without Dagster, as a job of a Databricks bundle does.

    The first argument is an `Order` as JSON; the step's report is printed. A report that says its
    result must not be used ends the process with an error.
    """
    report = run_order(Order.model_validate_json(sys.argv[1]))
    print(report.model_dump_json(exclude={"plots"}))
    if report.failed:
        raise SystemExit(report.failed)
