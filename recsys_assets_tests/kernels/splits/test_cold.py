import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import SplitError, without_items, without_newest_users
from recsys_assets_tests.kernels.splits.test_methods import ratings

FOUR = pl.DataFrame(
    {"user": [1, 1, 2, 3, 4], "item": [1, 2, 1, 2, 1], "timestamp": [10, 99, 20, 30, 40]}
)


def test_the_users_who_came_last_are_held_out_and_nothing_later_is_learned() -> None:
    train, test = without_newest_users(FOUR, 0.5)
    # User 3 comes at 30: the row of user 1 at 99 was not yet there.
    assert train.rows() == [(1, 1, 10), (2, 1, 20)]
    assert test.rows() == [(3, 2, 30), (4, 1, 40)]


@settings(max_examples=60, deadline=None)
@given(frame=ratings(), ratio=st.sampled_from([0.3, 0.5, 0.8]), seed=st.integers(0, 9))
def test_whole_users_or_items_are_held_out_whatever_the_order_of_the_rows(
    frame: pl.DataFrame, ratio: float, seed: int
) -> None:
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    for split, side in (
        (without_newest_users, "user"),
        (lambda rows, share: without_items(rows, share, seed), "item"),
    ):
        try:
            train, test = split(frame, ratio)
        except SplitError:  # too few users or items for this ratio
            continue
        assert not set(train[side]) & set(test[side])
        assert test.join(frame, on=["user", "item"], how="semi").height == test.height
        held_out = frame[side].n_unique() - round(ratio * frame[side].n_unique())
        assert test[side].n_unique() == held_out
        if side == "user":
            assert train["timestamp"].max() < test["timestamp"].min()  # type: ignore[operator]
        else:
            assert train.height + test.height == frame.height
        again = split(shuffled, ratio)
        assert [part.sort("user", "item").rows() for part in again] == [
            part.sort("user", "item").rows() for part in (train, test)
        ]


def test_another_seed_holds_out_other_items() -> None:
    frame = pl.DataFrame({"user": np.ones(400, int), "item": np.arange(400)})
    first, second = (set(without_items(frame, 0.75, seed)[1]["item"]) for seed in (1, 2))
    assert len(first) == len(second) == 100 and first != second


@pytest.mark.parametrize(
    ("frame", "ratio", "message"),
    [
        (FOUR.drop("timestamp"), 0.5, "needs columns user, item, timestamp"),
        (FOUR, 1.0, "above 0 and below 1"),
        (FOUR.clear(), 0.5, "no rows"),
        (FOUR, 0.1, "nothing is left to train on"),
        (FOUR, 0.95, "nothing is left to test by"),
    ],
)
def test_cold_splits_that_cannot_be_drawn_are_refused(
    frame: pl.DataFrame, ratio: float, message: str
) -> None:
    with pytest.raises(SplitError, match=message):
        without_newest_users(frame, ratio)
