"""MLflow without its remarks: what it prints of its own doings is not what a run has to say."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Within it MLflow shows no progress bars and logs errors only; then all is as before."""
    import mlflow  # noqa: F401  (sets its own log level when it is imported)
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR as BAR

    logger = logging.getLogger("mlflow")
    level, bar = logger.level, BAR.get() if BAR.is_set() else None
    logger.setLevel(logging.ERROR)
    BAR.set(False)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"mlflow\.")
            yield
    finally:
        logger.setLevel(level)
        if bar is None:
            BAR.unset()
        else:
            BAR.set(bar)
