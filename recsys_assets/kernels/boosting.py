"""Boosted trees on features of clicks: scores of rows, and the loss after each tree."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.blending import TREES, Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.encode import MARGIN, feature_names

ROWS_AT_ONCE = 2_000
"""Rows whose scores after each tree are held at once: 3 MB at 200 trees."""

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


def tree_log_odds(trees: BoostedTrees, features: Features) -> NDArray[np.float64]:
    """Log odds of each row by the trees alone."""
    return trees.score(feature_matrix(features))


def additive_log_odds(features: Features) -> NDArray[np.float64]:
    """Log odds of each row by the additive model, 0 where it has none."""
    margin = feature_matrix(features)[:, _MARGIN_PLACE].astype(np.float64)
    return np.where(np.isnan(margin), 0.0, margin)


def click_probability(
    trees: BoostedTrees, features: Features, blend: Blend = TREES
) -> NDArray[np.float64]:
    """Click probability of each row: trees and additive model, calibrated."""
    return blend.probability(tree_log_odds(trees, features), additive_log_odds(features))


def contributions(
    trees: BoostedTrees, features: Features, blend: Blend = TREES
) -> NDArray[np.float64]:
    """What each feature adds to the calibrated log odds of each row, the constant last.

    SHAP values of the trees (Lundberg et al., "From local explanations to global understanding
    with explainable AI for trees", 2020), weighted as the blend weights the trees; the additive
    model's part is that of its feature. A row adds up to its log odds.
    """
    matrix = feature_matrix(features)
    parts = blend.trees * np.asarray(trees.booster.predict(matrix, pred_contrib=True))
    parts[:, _MARGIN_PLACE] += blend.margin * additive_log_odds(features)
    parts[:, -1] += blend.intercept
    return parts


def loss_by_tree(
    trees: BoostedTrees, features: pl.DataFrame, label: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Sum over the rows of the log loss after the first tree, after the second, and so on.

    The first trees of a boosted model are a model of their own; one pass judges all of them.
    """
    matrix = feature_matrix(features)
    loss = np.zeros(len(trees))
    sign = 1.0 - 2.0 * label.astype(np.float64)
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scores = trees.running_scores(matrix[rows])
        loss += np.logaddexp(0.0, sign[rows] * scores).sum(axis=1)
    return loss


def first_trees(trees: BoostedTrees, count: int) -> BoostedTrees:
    """The model that ends with the given tree."""
    return BoostedTrees(trees.booster.model_to_string(num_iteration=count))
