"""The click model as MLflow serves it: raw click rows in, click probabilities out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from mlflow.pyfunc import PythonModel, PythonModelContext

from recsys_assets.contracts.clicks import CATEGORIES, NUMBERS
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.encode import encode
from recsys_assets.registry.click_files import read_encoder


class ClickModel(PythonModel):  # type: ignore[misc]
    """Answers rows of I1 to I13 and C1 to C26, as they are landed, with ``probability``.

    It encodes and scores with the kernels that encoded and scored the training rows.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the encoder and the trees."""
        tables = (pl.read_parquet(context.artifacts[name]) for name in ("encoder", "effects"))
        self.encoder = read_encoder(*tables)
        texts = (
            Path(context.artifacts[n]).read_text(encoding="utf-8") for n in ("booster", "blend")
        )
        self.trees, self.blend = BoostedTrees(next(texts)), Blend(**json.loads(next(texts)))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Click probability of each row."""
        rows = model_input[[*NUMBERS, *CATEGORIES]].astype(dict.fromkeys(NUMBERS, np.float32))
        features = encode(pl.from_pandas(rows), self.encoder)
        chance = click_probability(self.trees, features, self.blend)
        return pd.DataFrame({"probability": chance})
