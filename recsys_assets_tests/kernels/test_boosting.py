"""Boosted trees: what the loss after each tree has to be, and what cutting trees off leaves."""

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import (
    ROWS_AT_ONCE,
    click_probability,
    feature_matrix,
    first_trees,
    loss_by_tree,
)
from recsys_assets.kernels.encode import feature_names

ROWS = ROWS_AT_ONCE + 500


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    values = np.random.default_rng(1).normal(size=(ROWS, len(feature_names()))).astype(np.float32)
    values[::7, 3] = np.nan
    return pl.DataFrame(values, schema=feature_names()).with_columns(pl.all().fill_nan(None))


@pytest.fixture(scope="module")
def label(features: pl.DataFrame) -> np.ndarray:
    noise = np.random.default_rng(2).normal(size=ROWS)
    return (features["I1"].to_numpy() + noise > 1).astype(np.int8)


@pytest.fixture(scope="module")
def trees(features: pl.DataFrame, label: np.ndarray) -> BoostedTrees:
    params = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 2, "seed": 1}
    data = lgb.Dataset(feature_matrix(features), label, feature_name=feature_names())
    return BoostedTrees(lgb.train(params, data, 12).model_to_string())


def test_loss_after_each_tree_is_that_of_the_model_cut_there(
    trees: BoostedTrees, features: pl.DataFrame, label: np.ndarray
) -> None:
    losses = loss_by_tree(trees, features, label) / ROWS
    matrix = feature_matrix(features)
    expected = [
        log_loss(label, trees.booster.predict(matrix, num_iteration=n)) for n in range(1, 13)
    ]
    assert losses == pytest.approx(expected, rel=1e-9)
    assert losses[0] > losses[-1]


def test_first_trees_are_the_model_cut_there(trees: BoostedTrees, features: pl.DataFrame) -> None:
    cut = first_trees(trees, 5)
    assert len(cut) == 5
    whole = trees.booster.predict(feature_matrix(features), num_iteration=5)
    assert np.array_equal(click_probability(cut, features), whole)


def test_columns_are_found_by_name(trees: BoostedTrees, features: pl.DataFrame) -> None:
    reversed_columns = features.select(reversed(features.columns))
    expected = click_probability(trees, features)
    assert np.array_equal(click_probability(trees, reversed_columns), expected)
