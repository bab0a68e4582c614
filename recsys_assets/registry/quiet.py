"""MLflow without its remarks: what it prints of its own doings is not what a run has to say."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Within it MLflow shows no progress bars and logs errors only; then all is as before."""
    import mlflow  # noqa: F401  (sets its own log level when it is imported)
    from mlflow.environment_variables import (
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
    )

    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            _set(MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
            _set(MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _set(variable: Any, value: bool) -> Iterator[None]:
    """One of MLflow's settings, within."""
    before = variable.get() if variable.is_set() else None
    variable.set(value)
    try:
        yield
    finally:
        if before is None:
            variable.unset()
        else:
            variable.set(before)
