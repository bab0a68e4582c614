"""The click model as MLflow serves it: raw click rows in, click probabilities out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from mlflow.pyfunc import PythonModel, PythonModelContext

from recsys_assets.contracts.clicks import CATEGORIES, NUMBERS
from recsys_assets.kernels.boosting import click_probability, read_booster
from recsys_assets.kernels.encode import Encoder, encode

_SMOOTHING = "smoothing"


def save_encoder(encoder: Encoder, path: Path) -> Path:
    """Write an encoder to a Parquet file; its path."""
    table = encoder.statistics.with_columns(pl.lit(encoder.smoothing).alias(_SMOOTHING))
    table.write_parquet(path)
    return path


def read_encoder(table: pl.DataFrame) -> Encoder:
    """The encoder of a table that `save_encoder` or the table ``click_encoder`` holds."""
    return Encoder(table.drop(_SMOOTHING), float(table[_SMOOTHING][0]))


class ClickModel(PythonModel):  # type: ignore[misc]
    """Answers rows of I1 to I13 and C1 to C26, as they are landed, with ``probability``.

    It encodes with the kernel that encoded the training rows and scores with native LightGBM.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the encoder and the trees."""
        self.encoder = read_encoder(pl.read_parquet(context.artifacts["encoder"]))
        self.booster = read_booster(Path(context.artifacts["booster"]).read_text(encoding="utf-8"))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Click probability of each row."""
        rows = model_input[[*NUMBERS, *CATEGORIES]].astype(dict.fromkeys(NUMBERS, np.float32))
        features = encode(pl.from_pandas(rows), self.encoder)
        return pd.DataFrame({"probability": click_probability(self.booster, features)})
