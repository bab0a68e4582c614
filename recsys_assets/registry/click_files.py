"""A click model as files: encoder, effects, trees and blend, as a model in MLflow holds them."""

import json
from pathlib import Path

import polars as pl

from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.encode import EFFECTS_SCHEMA, Encoder

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
