"""Categories of clicks become numbers: how often a value was seen, how often it was clicked.

    statistics of training rows -> Encoder
    levels of training rows -> effects of all columns together
    raw rows + Encoder -> encode -> features, all of them numbers

A training row is encoded without its own fold, so that its label never tells on itself; any other
row is encoded from all training rows. Where the folds are periods, a row is encoded from earlier
ones only. A value that training never saw, or saw too rarely, is encoded from what is known of the
rare values together.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.click_fields import CATEGORIES, NUMBERS
from recsys_assets.kernels.encoder import ALL_FOLDS, EFFECTS_SCHEMA, Encoder
from recsys_assets.kernels.lookup import add_effects, looked_up
from recsys_assets.kernels.metrics.checks import require_columns

__all__ = [
    "ALL_FOLDS",
    "EFFECTS_SCHEMA",
    "MARGIN",
    "Encoder",
    "encode",
    "feature_names",
]
MARGIN = "margin"
"""Feature: log odds of the additive model of all columns and pairs."""


def feature_names() -> list[str]:
    """Features as a model sees them: numbers, two per category, the additive margin."""
    encoded = (f"{c}_{kind}" for c in CATEGORIES for kind in ("count", "mean"))
    return [*NUMBERS, *encoded, MARGIN]


def encode(frame: pl.DataFrame, encoder: Encoder, fold_column: str | None = None) -> pl.DataFrame:
    """Features of rows, each from the row alone: one row gives what a million give.

    Args:
        frame: all numbers and categories.
        encoder: what training rows tell of each value.
        fold_column: column of the rows' own folds where they are the encoder's training rows.

    Returns:
        Columns of `feature_names`, Float32. Numbers pass as they are. A missing category has no
        count and the prior as its mean; without effects there is no margin.

    Raises:
        ValueError: a column is missing, or a fold the encoder does not know.
    """
    require_columns(frame, "rows to encode", [*NUMBERS, *CATEGORIES])
    left_out = _left_out(frame, encoder, fold_column)
    levels = encoder.levels(frame)
    features = {name: frame[name] for name in NUMBERS}
    prior = encoder.prior.astype(np.float32)
    for name, level in zip(CATEGORIES, levels[len(NUMBERS) :], strict=False):
        table = encoder.tables[name]
        absent = level > len(table.codes)
        places = np.minimum(level, len(table.codes))
        count, mean = looked_up(places, absent, table.counts, table.means, prior, left_out)
        features[f"{name}_count"] = pl.Series(count)
        features[f"{name}_mean"] = pl.Series(mean)
    known = encoder.effects is not None
    parts = encoder.contributions(levels, left_out) if known else [np.full(frame.height, np.nan)]
    features[MARGIN] = pl.Series(add_effects(parts))
    return pl.DataFrame(features).select(pl.all().cast(pl.Float32).fill_nan(None))


def _left_out(frame: pl.DataFrame, encoder: Encoder, fold_column: str | None) -> NDArray[np.int64]:
    """Column of the lookup tables for each row."""
    if fold_column is None:
        return np.full(frame.height, encoder.folds)
    require_columns(frame, "training rows", [fold_column])
    fold = frame[fold_column].cast(pl.Int64)
    if encoder.folds < 2 or fold.null_count() or not fold.is_between(0, encoder.folds - 1).all():
        raise ValueError(
            f"column {fold_column!r} must hold folds 0 to {encoder.folds - 1} of an encoder with "
            "at least 2; count the categories of the same rows with the same folds first"
        )
    return fold.to_numpy()
