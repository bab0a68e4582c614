"""Pairs of columns: an effect that only both together have is found, and nothing else is."""

import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.click_fields import LABEL
from recsys_assets.kernels.crosses import choose_crosses, disjoint
from recsys_assets.kernels.levels import MISSING, RARE, code_of, number_levels, with_crosses
from recsys_assets.synthetic.criteo import click_batches

ROWS = 20_000


@pytest.fixture(scope="module")
def clicks() -> pl.DataFrame:
    return next(click_batches(ROWS, 3))


def test_no_pair_stands_out_where_labels_are_drawn_by_lot(clicks: pl.DataFrame) -> None:
    lot = np.random.default_rng(1).random(ROWS) < 0.2
    assert choose_crosses(clicks.with_columns(pl.Series(LABEL, lot).cast(pl.Int8)), 4) == ()


def test_an_exclusive_or_of_two_columns_is_found(clicks: pl.DataFrame) -> None:
    first = (clicks["C9"] == clicks["C9"].mode().item()).to_numpy()
    codes = clicks.select(code_of("C20").fill_null(1)).to_series().to_numpy()
    chance = np.where(first ^ (codes % 2 == 0), 0.5, 0.1)
    label = np.random.default_rng(2).random(ROWS) < chance
    chosen = choose_crosses(clicks.with_columns(pl.Series(LABEL, label).cast(pl.Int8)), 4)
    assert chosen[0] == "C9*C20"


def test_no_column_is_in_two_pairs_and_weak_ones_are_left_out() -> None:
    scores = {"C1*C2": 9.0, "C2*C3": 8.0, "I1*C3": 7.0, "C4*C5": 1.0, "C6*C7": 5.0}
    assert disjoint(scores, 4) == ("C1*C2", "I1*C3", "C6*C7")
    assert disjoint(scores, 1) == ("C1*C2",)


def test_nothing_is_chosen_where_nothing_is_asked_for(clicks: pl.DataFrame) -> None:
    assert choose_crosses(clicks, 0) == ()
    assert choose_crosses(clicks.clear(), 4) == ()


def test_levels_of_numbers() -> None:
    values = pl.Series([None, -2, 0, 1, 2, 2**31 - 1])
    # 3 ln 2 = 2.08, 3 ln 3 = 3.30, 3 ln 2^31 = 64.5
    assert number_levels(values).tolist() == [0, 1, 2, 4, 5, 66]
    assert MISSING != RARE


def test_a_pair_has_one_code_for_both_in_their_order() -> None:
    frame = pl.DataFrame({"I1": [1, 1, 2, None], "C1": ["000000aa", None, "000000aa", "000000aa"]})
    codes = with_crosses(frame, ("I1*C1",))["I1*C1"]
    assert codes.n_unique() == 4
    assert with_crosses(frame[:1], ("I1*C1",))["I1*C1"][0] == codes[0]
    with pytest.raises(ValueError, match="label"):
        with_crosses(frame.with_columns(label=1), ("label*C1",))
