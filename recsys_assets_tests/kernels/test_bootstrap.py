"""Intervals of click metrics: the weighted area is the library's, and intervals cover."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from recsys_assets.kernels.bootstrap import JudgedFold, bootstrap, weighted_auc


def test_the_weighted_area_is_that_of_the_library() -> None:
    rng = np.random.default_rng(1)
    score = np.round(rng.random(500), 1)
    label = (rng.random(500) < 0.3).astype(np.int8)
    weight = rng.poisson(1.0, 500).astype(float)
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) > 0))
    expected = roc_auc_score(label, score, sample_weight=weight)
    assert weighted_auc(weight[order], label[order], starts) == pytest.approx(expected)


def test_intervals_hold_the_figure_and_shrink_with_rows() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for rows in (500, 8_000):
        odds = rng.normal(-1, 1, rows)
        label = (rng.random(rows) < expit(odds)).astype(np.int8)
        fold = JudgedFold(label, {"true": expit(odds), "constant": np.full(rows, 0.3)})
        drawn = bootstrap([fold], seed=0)
        low, high = drawn["true"].interval("auc")
        assert low < roc_auc_score(label, odds) < high
        assert drawn["constant"].auc == pytest.approx(np.full(100, 0.5))
        assert (drawn["constant"].logloss > drawn["true"].logloss).mean() > 0.95
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.5)


def test_the_same_seed_gives_the_same_draws() -> None:
    rng = np.random.default_rng(3)
    fold = JudgedFold(rng.integers(0, 2, 200).astype(np.int8), {"one": rng.random(200)})
    first, second = (bootstrap([fold, fold], seed=5, resamples=10)["one"] for _ in range(2))
    assert np.array_equal(first.auc, second.auc)
    assert np.array_equal(first.logloss, second.logloss)


def test_few_clicks_have_an_interval_too() -> None:
    label = np.zeros(200, np.int8)
    label[:3] = 1  # in one draw of twenty none of them would be drawn
    drawn = bootstrap([JudgedFold(label, {"one": np.random.default_rng(4).random(200)})], seed=0)
    assert np.isfinite(drawn["one"].auc).all()
