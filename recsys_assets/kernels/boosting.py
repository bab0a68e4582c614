"""Boosted trees on features of clicks: scores of rows, and the loss after each tree."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.blending import TREES, Blend
from recsys_assets.kernels.encode import MARGIN, feature_names
from recsys_assets.kernels.native_lightgbm import lgb

ROWS_AT_ONCE = 20_000
"""Rows whose leaves are held at once: 24 MB at 100 trees."""

_ROWS_FOR_THREADS = 50_000
_MARGIN_PLACE = feature_names().index(MARGIN)


def threads_for(rows: int) -> int:
    """Threads worth their waiting for each other: one on few rows, else all (LightGBM's 0)."""
    return 1 if rows < _ROWS_FOR_THREADS else 0


Features = pl.DataFrame | NDArray[np.float32]
"""Features of rows: a frame, or a matrix in the order of `feature_names`, NaN where missing."""


def feature_matrix(features: Features) -> NDArray[np.float32]:
    """Rows by features in the order of `feature_names`, missing values as NaN."""
    if isinstance(features, pl.DataFrame):
        return features.select(feature_names()).to_numpy(order="c")
    return features


def read_booster(text: str) -> lgb.Booster:
    """The model of LightGBM's own text."""
    return lgb.Booster(model_str=text)


def tree_log_odds(
    booster: lgb.Booster, features: Features, threads: int = 1
) -> NDArray[np.float64]:
    """Log odds of each row by the trees alone."""
    scores = booster.predict(feature_matrix(features), raw_score=True, num_threads=threads)
    return np.asarray(scores, np.float64)


def additive_log_odds(features: Features) -> NDArray[np.float64]:
    """Log odds of each row by the additive model, 0 where it has none."""
    margin = feature_matrix(features)[:, _MARGIN_PLACE].astype(np.float64)
    return np.where(np.isnan(margin), 0.0, margin)


def click_probability(
    booster: lgb.Booster, features: Features, blend: Blend = TREES, threads: int = 1
) -> NDArray[np.float64]:
    """Click probability of each row: trees and additive model, calibrated."""
    trees = tree_log_odds(booster, features, threads)
    return blend.probability(trees, additive_log_odds(features))


def contributions(
    booster: lgb.Booster, features: Features, blend: Blend = TREES
) -> NDArray[np.float64]:
    """What each feature adds to the calibrated log odds of each row, the constant last.

    SHAP values of the trees (Lundberg et al., "From local explanations to global understanding
    with explainable AI for trees", 2020), weighted as the blend weights the trees; the additive
    model's part is that of its feature. A row adds up to its log odds.
    """
    matrix = feature_matrix(features)
    parts = blend.trees * np.asarray(booster.predict(matrix, pred_contrib=True), np.float64)
    parts[:, _MARGIN_PLACE] += blend.margin * additive_log_odds(features)
    parts[:, -1] += blend.intercept
    return parts


def loss_by_tree(
    booster: lgb.Booster, features: pl.DataFrame, label: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Sum over the rows of the log loss after the first tree, after the second, and so on.

    The first trees of a boosted model are a model of their own; one pass over the leaves judges
    all of these models.
    """
    matrix = feature_matrix(features)
    values = _leaf_values(booster)
    trees = np.arange(len(values))
    loss = np.zeros(len(values))
    sign = 1.0 - 2.0 * label.astype(np.float64)
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        leaves = booster.predict(matrix[rows], pred_leaf=True, num_threads=1)
        added = values[trees, np.asarray(leaves, np.int64)]
        loss += np.logaddexp(0.0, sign[rows, None] * added.cumsum(axis=1)).sum(axis=0)
    return loss


def first_trees(booster: lgb.Booster, trees: int) -> str:
    """LightGBM's own text of the model that ends with the given tree."""
    return str(booster.model_to_string(num_iteration=trees))


def _leaf_values(booster: lgb.Booster) -> NDArray[np.float64]:
    """Trees by leaves: what a leaf adds to the log odds."""
    sizes = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    values = np.zeros((len(sizes), max(sizes)))
    for tree, size in enumerate(sizes):
        values[tree, :size] = [booster.get_leaf_output(tree, leaf) for leaf in range(size)]
    return values
