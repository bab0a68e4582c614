"""Additive effects: known ones are found, idle columns fall silent, rows apart stay apart."""

import numpy as np
import pytest
from scipy.special import expit, logit

from recsys_assets.kernels.effects import fit_effects

ROWS = 40_000


def test_one_level_gives_the_click_rate() -> None:
    label = np.repeat([1, 0], [300, 700]).astype(np.int8)
    fit = fit_effects(np.zeros((1, 1_000), np.int32), [1], label)
    assert fit.margin(np.zeros((1, 3), np.int32)) == pytest.approx([logit(0.3)] * 3, abs=0.01)


def test_known_effects_are_found_though_columns_go_together() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 20, ROWS)
    # The second column mostly repeats the first and has no effect of its own.
    second = np.where(rng.random(ROWS) < 0.8, first, rng.integers(0, 20, ROWS))
    effects = rng.normal(0, 0.8, 20)
    label = (rng.random(ROWS) < expit(-1 + effects[first])).astype(np.int8)
    levels = np.stack([first, second]).astype(np.int32)
    fit = fit_effects(levels, [20, 20], label)
    assert np.corrcoef(fit.columns[0], effects)[0, 1] > 0.98
    deviations = [column[level].std() for column, level in zip(fit.columns, levels, strict=True)]
    assert deviations[1] < 0.15 * deviations[0]


def test_a_column_of_rare_values_that_say_nothing_falls_silent() -> None:
    rng = np.random.default_rng(4)
    level = rng.integers(0, 10_000, ROWS).astype(np.int32)
    label = (rng.random(ROWS) < 0.2).astype(np.int8)
    fit = fit_effects(level[None], [10_000], label)
    assert fit.columns[0][level].std() < 0.1
    assert np.bincount(level[label == 1], minlength=10_000).max() > 3


def test_levels_without_rows_have_no_effect() -> None:
    label = np.array([1, 0, 1, 0], np.int8)
    fit = fit_effects(np.array([[0, 0, 1, 1]], np.int32), [5], label)
    assert fit.columns[0][2:].tolist() == [0, 0, 0]


@pytest.mark.parametrize("label", [np.zeros(50, np.int8), np.zeros(0, np.int8)])
def test_one_label_or_no_row_still_gives_finite_odds(label: np.ndarray) -> None:
    fit = fit_effects(np.zeros((1, label.size), np.int32), [2], label)
    assert np.isfinite(fit.margin(np.array([[0, 1]], np.int32))).all()


def test_rare_clicks_and_one_value_that_is_often_clicked_do_not_send_the_fit_astray() -> None:
    rng = np.random.default_rng(0)
    often = rng.random(60_000) < 0.04
    label = (rng.random(often.size) < np.where(often, 0.8, 0.005)).astype(np.int8)
    noise = [rng.integers(0, 50, often.size) for _ in range(5)]
    levels = np.stack([often, *noise]).astype(np.int32)
    odds = fit_effects(levels, [2, *[50] * 5], label).margin(levels).astype(np.float64)
    rate = np.array([label[often].mean(), label[~often].mean()])
    known = np.log(rate / (1 - rate))
    loss = np.logaddexp(0, np.where(label == 1, -odds, odds)).mean()
    oracle = np.logaddexp(0, np.where(label == 1, -1, 1) * np.where(often, *known)).mean()
    assert loss < 1.01 * oracle
