"""Scores of boosted trees: LightGBM's own to the bit, whatever the trees and the rows."""

import re
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_assets.kernels.boosted_trees import BoostedTrees

FEATURES = 5
ROWS = 1_500
Rows = NDArray[np.float32]


def grow(rows: Rows, trees: int = 8, **chosen: Any) -> BoostedTrees:
    rng = np.random.default_rng(1)
    label = np.nan_to_num(rows).clip(-9, 9) @ np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    label += np.sin(3 * np.nan_to_num(rows[:, 0]).clip(-9, 9)) + rng.normal(size=len(rows))
    label += 20 * (rows[:, 1] == 0)  # so that zeros, where they are missing, go a way of their own
    own = {"objective": "regression", "num_leaves": 15, "min_data_in_leaf": 2, "num_threads": 1}
    data = lgb.Dataset(rows, label, categorical_feature=chosen.pop("categories", []))
    return BoostedTrees(
        lgb.train({**own, "verbosity": -1, **chosen}, data, trees).model_to_string()
    )


def draw_rows(seed: int, *, missing: bool) -> Rows:
    """Normal, whole and far numbers, some of them missing."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(ROWS, FEATURES))
    rows[:, 1] = rng.integers(-3, 4, ROWS)
    rows[:, 2] *= 10.0 ** rng.integers(-30, 30, ROWS)
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows.astype(np.float32)


def expected(trees: BoostedTrees, rows: Rows, count: int | None = None) -> NDArray[np.float64]:
    return np.asarray(trees.booster.predict(rows, raw_score=True, num_iteration=count))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    leaves=st.sampled_from([2, 3, 15, 31, 63, 64, 65, 90]),
    learned_missing=st.booleans(),
    asked_missing=st.booleans(),
)
def test_scores_are_lightgbms_to_the_bit(
    seed: int, leaves: int, learned_missing: bool, asked_missing: bool
) -> None:
    trees = grow(draw_rows(seed, missing=learned_missing), num_leaves=leaves)
    rows = draw_rows(seed + 1, missing=asked_missing)
    rows[:5, 0] = np.inf, -np.inf, -0.0, 1e-35, -1e-35
    assert np.array_equal(trees.score(rows), expected(trees, rows))
    running = trees.running_scores(rows)
    assert running.shape == (8, ROWS)
    for count in (1, 5, 8):
        assert np.array_equal(running[count - 1], expected(trees, rows, count))


def test_a_value_at_a_threshold_and_its_neighbours_go_lightgbms_way() -> None:
    trees = grow(draw_rows(3, missing=True))
    thresholds = [
        float(number)
        for line in trees.text.splitlines()
        if line.startswith("threshold=")
        for number in line.partition("=")[2].split()
    ]
    near = np.array(thresholds, np.float32)
    values = np.concatenate([near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)])
    rows = np.tile(values.astype(np.float32)[:, np.newaxis], FEATURES)
    assert np.array_equal(trees.score(rows), expected(trees, rows))


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 700])
def test_any_number_of_rows_is_scored(count: int) -> None:
    trees, rows = grow(draw_rows(4, missing=True)), draw_rows(5, missing=True)
    scores = trees.score(rows[:count])
    assert np.array_equal(scores, trees.score(rows)[:count])
    assert np.array_equal(scores, trees.score(np.asfortranarray(rows[:count])))


def test_a_tree_that_found_no_split_is_its_constant() -> None:
    trees = grow(draw_rows(6, missing=False), trees=3, min_data_in_leaf=ROWS)
    rows = draw_rows(7, missing=False)
    assert np.array_equal(trees.score(rows), expected(trees, rows))


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"zero_as_missing": True}, r"^decision_type=.*\b[46]\b"),
        ({"linear_tree": True}, "^is_linear=1$"),
        ({"categories": [1]}, "^num_cat=[1-9]"),
    ],
    ids=["zeros are missing", "linear leaves", "categories"],
)
def test_trees_of_another_kind_are_left_to_lightgbm(chosen: dict[str, Any], told: str) -> None:
    trees, rows = grow(draw_rows(8, missing=False), **chosen), draw_rows(9, missing=False)
    assert re.search(told, trees.text, re.MULTILINE)
    assert np.array_equal(trees.score(rows), expected(trees, rows))
    assert trees.running_scores(rows)[-1] == pytest.approx(expected(trees, rows), abs=1e-12)


def test_names_and_number_are_the_models() -> None:
    trees = grow(draw_rows(1, missing=False), trees=3)
    assert trees.names == trees.booster.feature_name()
    assert len(trees) == trees.booster.num_trees() == 3


@pytest.mark.parametrize("rows", [np.zeros((2, 4), np.float32), np.zeros((2, FEATURES))])
def test_rows_that_do_not_fit_are_refused(rows: Rows) -> None:
    with pytest.raises(ValueError, match=r"do not fit trees on 5 features in float32"):
        grow(draw_rows(1, missing=False), trees=1).score(rows)


def test_damaged_text_is_refused() -> None:
    text = grow(draw_rows(1, missing=False), trees=3).text
    for damaged in ("", "damaged", text[: len(text) // 3], text[10:]):
        with pytest.raises(ValueError, match="not the whole text"):
            BoostedTrees(damaged)


@pytest.mark.parametrize("name", ["threshold", "left_child", "leaf_value", "split_feature"])
def test_a_number_that_is_missing_is_noticed_before_anything_is_scored(name: str) -> None:
    text = grow(draw_rows(1, missing=False), trees=3).text
    start = text.index(f"\n{name}=") + 1
    end = text.index("\n", start)
    damaged = BoostedTrees(text[:start] + text[start:end].rpartition(" ")[0] + text[end:])
    with pytest.raises(ValueError, match="the text is damaged"):
        damaged.score(draw_rows(2, missing=False))
