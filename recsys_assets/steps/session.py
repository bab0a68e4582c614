"""What a step works with, and the register in which steps are found by name.

A step is a module-level function ``(session, params) -> StepReport``. It reads and writes tables
by name through the session's lake, so that it runs unchanged on one machine and on a cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel
from pyspark.sql import SparkSession

from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry
from recsys_assets.steps.report import StepReport

Step = Callable[["Session", Any], StepReport]


@dataclass(frozen=True)
class Session:
    """Everything a step may touch."""

    spark: SparkSession
    lake: Lake
    landing: LandingZone
    registry: ModelRegistry
    run_id: str = ""
    """The run on whose behalf the step works; kept with what it writes."""
    reports: Path | None = None
    """Folder of report pages; without one they are kept with the models' MLflow runs only."""

    def for_run(self, run_id: str) -> "Session":
        """The same session on behalf of another run."""
        return replace(self, run_id=run_id)


def name_of(step: Step) -> str:
    """The name by which a step is found again: ``module:function``."""
    return f"{step.__module__}:{step.__qualname__}"


def step_named(name: str) -> Step:
    """The step of a name.

    Raises:
        ValueError: the name is not that of a function in the package of steps.
    """
    module, _, function = name.partition(":")
    if not module.startswith("recsys_assets.steps."):
        raise ValueError(f"{name!r} is not a step of this project")
    step: Step = getattr(import_module(module), function)
    return step


def params_of(step: Step) -> type[BaseModel]:
    """The pydantic model of a step's parameters."""
    hint: type[BaseModel] = get_type_hints(step)["params"]
    return hint
