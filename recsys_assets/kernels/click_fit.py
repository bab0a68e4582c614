"""The click model whole, in one process: what the assets do with Spark, on frames in memory.

    training rows -> pairs -> statistics -> effects, fold by fold -> Encoder
    encoded rows -> LightGBM, stopped early by the validation rows -> blend -> FittedClicks

The assets call the same functions block by block; only the trees are grown by SynapseML there.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from recsys_assets.kernels.blending import Blend, fit_blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import (
    additive_log_odds,
    click_probability,
    feature_matrix,
    tree_log_odds,
)
from recsys_assets.kernels.click_fields import LABEL
from recsys_assets.kernels.click_folds import FOLD, assign_folds, assign_periods, rows_apart
from recsys_assets.kernels.crosses import choose_crosses
from recsys_assets.kernels.effects import Effects, fit_effects
from recsys_assets.kernels.encode import ALL_FOLDS, Encoder, encode, feature_names
from recsys_assets.kernels.native_lightgbm import lgb
from recsys_assets.kernels.tally import count_categories

PATIENCE = 30
"""Trees without a lower validation loss after which growing stops."""


class EncodingPlan(BaseModel):
    """How training rows are encoded."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    folds: int = Field(default=5, ge=2, le=100)
    """Folds of the training rows; a row is encoded from the other folds."""
    smoothing: float = Field(default=50.0, gt=0)
    """Rows at the overall click rate that are added to those of each value."""
    min_count: int = Field(default=10, ge=1)
    """Values that fewer training rows hold are encoded together."""
    crosses: int = Field(default=4, ge=0)
    """Pairs of columns, at most, that get effects of their own."""
    cross_rows: int = Field(default=500_000, ge=1_000)
    """Training rows, evenly spaced, that the pairs are chosen from."""
    effect_rows: int = Field(default=3_000_000, ge=1_000)
    """Latest training rows, at most, that the additive model is fitted to in a worker's memory."""
    earlier: bool = False
    """Encode a training row from earlier periods only, instead of from the other folds."""
    seed: int = Field(default=42, ge=0)
    """Another seed draws other folds."""

    def fold_of(self, first: int, rows: int, total: int) -> pl.Series:
        """Folds of the training rows from a position on."""
        if self.earlier:
            return assign_periods(first, rows, self.folds, total)
        return assign_folds(first, rows, self.folds, self.seed)

    def fits(self) -> list[int]:
        """Folds that a fit leaves out, and `ALL_FOLDS` for the one that leaves out none."""
        return [ALL_FOLDS, *range(self.folds)]

    def fitted_before(self, left_out: int, total: int) -> int:
        """Position after the last training row that a fit may see: where its period begins."""
        if not self.earlier or left_out == ALL_FOLDS:
            return total
        return -(-left_out * total // self.folds)


@dataclass(frozen=True)
class FittedClicks:
    """A trained click model."""

    encoder: Encoder
    trees: BoostedTrees
    blend: Blend
    calibration: str
    """In words how the probabilities were calibrated."""

    def probability(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Click probability of raw rows."""
        return click_probability(self.trees, encode(rows, self.encoder), self.blend)


def evenly_spaced(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, from everywhere."""
    if rows.height <= most:
        return rows
    return rows[np.linspace(0, rows.height - 1, most).astype(np.int64)]


def fit_fold(
    encoder: Encoder,
    levels: NDArray[np.int32],
    label: NDArray[np.int8],
    fold: NDArray[np.int8],
    left_out: int,
) -> Effects:
    """Effects from which the rows of one fold are encoded, or all rows outside training."""
    kept = rows_apart(fold, None if left_out == ALL_FOLDS else left_out, encoder.earlier)
    chosen = np.ascontiguousarray(levels if kept.all() else levels[:, kept])
    return fit_effects(chosen, encoder.level_sizes, label[kept])


def fit_encoder(train: pl.DataFrame, plan: EncodingPlan) -> tuple[Encoder, pl.Series]:
    """What training rows tell of each value, and the fold of each row."""
    crosses = choose_crosses(evenly_spaced(train, plan.cross_rows), plan.crosses, plan.min_count)
    fold = plan.fold_of(0, train.height, train.height)
    statistics = count_categories(train.with_columns(fold), crosses, plan.min_count)
    encoder = Encoder(statistics, plan.smoothing, earlier=plan.earlier)
    ends = {left_out: plan.fitted_before(left_out, train.height) for left_out in plan.fits()}
    first = max(0, min(ends.values()) - plan.effect_rows)
    needed, folds = train[first:], fold[first:].to_numpy()
    levels, label = encoder.levels(needed), needed[LABEL].cast(pl.Int8).to_numpy()
    fits = {}
    for left_out, end in ends.items():
        own = slice(max(0, end - plan.effect_rows - first), end - first)
        fits[left_out] = fit_fold(encoder, levels[:, own], label[own], folds[own], left_out)
    effects = encoder.table_of_effects(fits)
    return replace(encoder, effects=effects), fold


def encode_training(train: pl.DataFrame, encoder: Encoder, fold: pl.Series) -> pl.DataFrame:
    """Features and labels of training rows; the first period, which has no past, is left out."""
    rows = train.with_columns(fold)
    if encoder.earlier:
        rows = rows.filter(pl.col(FOLD) > 0)
    return encode(rows, encoder, FOLD).with_columns(rows[LABEL])


def grow_trees(
    train: pl.DataFrame,
    validation: pl.DataFrame,
    settings: dict[str, Any],
    trees: int,
    callbacks: tuple[Any, ...] = (),
) -> BoostedTrees:
    """Native LightGBM on encoded rows; growing stops when the validation loss falls no more."""
    names = feature_names()
    data = lgb.Dataset(
        feature_matrix(train), train[LABEL].to_numpy(), feature_name=names, params=settings
    )
    judge = lgb.Dataset(
        feature_matrix(validation),
        validation[LABEL].to_numpy(),
        reference=data,
        params=settings,
    )
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    booster = lgb.train(settings, data, trees, [judge], callbacks=[stop, *callbacks])
    return BoostedTrees(booster.model_to_string(num_iteration=booster.best_iteration))


def fit_clicks(
    train: pl.DataFrame,
    validation: pl.DataFrame,
    plan: EncodingPlan,
    settings: dict[str, Any],
    trees: int,
) -> FittedClicks:
    """Train on raw rows in the order of time.

    Args:
        train: label, numbers, categories.
        validation: the same, later; it chooses the number of trees and calibrates.
        plan: how rows are encoded.
        settings: LightGBM's own.
        trees: trees at most.
    """
    encoder, fold = fit_encoder(train, plan)
    judged = encode(validation, encoder).with_columns(validation[LABEL])
    grown = grow_trees(encode_training(train, encoder, fold), judged, settings, trees)
    label = validation[LABEL].cast(pl.Int8).to_numpy()
    blend, words = fit_blend(label, tree_log_odds(grown, judged), additive_log_odds(judged))
    return FittedClicks(encoder.without_folds(), grown, blend, words)
