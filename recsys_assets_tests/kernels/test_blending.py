"""Calibration: a distorted score is set right, a good one is left alone."""

import numpy as np
import pytest
from scipy.special import expit

from recsys_assets.kernels.blending import MEAN, Blend, fit_blend
from recsys_assets.kernels.metrics.classification import ece

RNG = np.random.default_rng(8)
ODDS = RNG.normal(-1.3, 1.0, 100_000)
LABEL = (RNG.random(ODDS.size) < expit(ODDS)).astype(np.int8)


def test_scores_that_are_right_are_kept() -> None:
    blend, _ = fit_blend(LABEL, ODDS, ODDS)
    assert ece(LABEL, blend.probability(ODDS, ODDS)) < 0.01
    assert blend.trees + blend.margin == pytest.approx(1.0, abs=0.06)


def test_a_shifted_and_stretched_score_is_set_right() -> None:
    wrong = 2.0 * ODDS + 1.0
    assert ece(LABEL, MEAN.probability(wrong, wrong)) > 0.05
    blend, words = fit_blend(LABEL, wrong, wrong)
    assert words == "fitted to the validation part"
    assert ece(LABEL, blend.probability(wrong, wrong)) < 0.01


def test_the_better_score_gets_the_weight() -> None:
    blend, _ = fit_blend(LABEL, ODDS, RNG.normal(-1.3, 1.0, ODDS.size))
    assert blend.trees > 0.8
    assert abs(blend.margin) < 0.1


def test_few_rows_move_nothing_that_does_not_lower_the_loss() -> None:
    rows = slice(0, 40)
    blend, words = fit_blend(LABEL[rows], ODDS[rows], ODDS[rows])
    assert blend == MEAN or "fitted" in words
    assert blend.probability(ODDS[rows], ODDS[rows]).max() < 1


def test_log_odds_add_up() -> None:
    assert Blend(1.0, 2.0, 3.0).log_odds(np.array([1.0]), np.array([10.0])).tolist() == [33.0]
