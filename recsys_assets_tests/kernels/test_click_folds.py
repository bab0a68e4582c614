"""Folds of clicks: drawn alike wherever a row lies, and left out as they should be."""

import numpy as np
import pytest

from recsys_assets.kernels.click_folds import assign_folds, assign_periods, rows_apart


def test_a_fold_depends_on_the_position_alone() -> None:
    whole = assign_folds(0, 100_000, 5, 42)
    assert whole[70_000:].to_list() == assign_folds(70_000, 30_000, 5, 42).to_list()
    shares = np.bincount(whole.to_numpy()) / 100_000
    assert shares == pytest.approx([0.2] * 5, abs=0.005)
    assert assign_folds(0, 100, 5, 43).to_list() != whole[:100].to_list()


def test_rows_apart() -> None:
    fold = np.array([0, 1, 2, 1], np.int8)
    assert rows_apart(fold, 1, earlier=False).tolist() == [True, False, True, False]
    assert rows_apart(fold, 1, earlier=True).tolist() == [True, False, False, False]
    assert rows_apart(fold, None, earlier=True).all()


def test_periods_follow_one_another() -> None:
    periods = assign_periods(0, 10, 5, 10).to_list()
    assert periods == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert assign_periods(4, 3, 5, 10).to_list() == periods[4:7]
