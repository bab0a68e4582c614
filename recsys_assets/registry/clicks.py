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
from recsys_assets.kernels.encode import EFFECTS_SCHEMA, Encoder, encode

_SMOOTHING = "smoothing"


def save_clicks(
    folder: Path, encoder: Encoder, trees: BoostedTrees, blend: Blend
) -> dict[str, Path]:
    """Write a click model's parts into a folder; name → file, as the model loads them."""
    files = {
        "encoder": folder / "encoder.parquet",
        "effects": folder / "effects.parquet",
        "booster": folder / "booster.txt",
        "blend": folder / "blend.json",
    }
    table = encoder.statistics.with_columns(pl.lit(encoder.smoothing).alias(_SMOOTHING))
    table.write_parquet(files["encoder"])
    effects = pl.DataFrame(schema=EFFECTS_SCHEMA) if encoder.effects is None else encoder.effects
    effects.write_parquet(files["effects"])
    files["booster"].write_text(trees.text, encoding="utf-8")
    files["blend"].write_text(json.dumps(blend._asdict()), encoding="utf-8")
    return files


def read_encoder(table: pl.DataFrame, effects: pl.DataFrame) -> Encoder:
    """The encoder of two tables that `save_clicks` or the lake holds.

    Whether its folds are periods is not kept: that matters to training rows only.
    """
    return Encoder(table.drop(_SMOOTHING), float(table[_SMOOTHING][0]), effects)


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
