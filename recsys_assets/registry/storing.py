"""A model as MLflow keeps it: the code that makes it, its files, and its signature."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.models.model import ModelInfo
    from mlflow.pyfunc import PythonModel

OF_ANOTHER_FORM = (AttributeError, ImportError, LookupError, TypeError, ValueError)
"""What reading a model's files ends in where they hold something else than this release expects."""


class UnreadableModelError(Exception):
    """A registered model that this release cannot read; the message says what to do."""

    def __init__(self, name: str, alias: str, error: Exception) -> None:
        super().__init__(
            f"the {alias} of {name} cannot be read: another release wrote it, or it is damaged"
            f" ({type(error).__name__}: {error}). Train one that can be, unless that is done"
            f" (recsys run --select {name}), and give it the place: recsys promote {name}"
        )


def store_model(
    model: "PythonModel", files: Mapping[str, Path], example: pl.DataFrame
) -> "ModelInfo":
    """Log a model as the code that makes it, so that nothing pickled is ever loaded again."""
    from mlflow.pyfunc import log_model

    kind = type(model)
    code = (
        "from mlflow.models import set_model\n\n"
        f"from {kind.__module__} import {kind.__qualname__}\n\n"
        f"set_model({kind.__qualname__}())\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "model.py"
        script.write_text(code, encoding="utf-8")
        return log_model(
            name="model",
            python_model=str(script),
            artifacts={name: str(path) for name, path in files.items()},
            signature=_signature(model, files, example),
            pip_requirements=["recsys_assets"],
        )


def _signature(
    model: "PythonModel", files: Mapping[str, Path], example: pl.DataFrame
) -> "ModelSignature":
    """What goes into a model and comes out of it, from a few rows and its own answer."""
    from mlflow.models import infer_signature
    from mlflow.pyfunc import PythonModelContext

    context = PythonModelContext({name: str(path) for name, path in files.items()}, {})
    model.load_context(context)
    asked = example.to_pandas()
    return infer_signature(asked, model.predict(context, asked, {}))
