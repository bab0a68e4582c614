from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import (
    DAY,
    GAP,
    METHODS,
    SplitError,
    folds,
    parts_of,
    rolling_windows,
    train_and_test,
)

quick = settings(max_examples=60, deadline=None)

pairs = st.sets(st.tuples(st.integers(1, 12), st.integers(1, 15)), min_size=1, max_size=80)


@st.composite
def ratings(draw: st.DrawFn) -> pl.DataFrame:
    keys = sorted(draw(pairs))
    times = draw(st.lists(st.integers(0, 40 * DAY), min_size=len(keys), max_size=len(keys)))
    return pl.DataFrame(
        {"user": [u for u, _ in keys], "item": [i for _, i in keys], "timestamp": times},
        schema={"user": pl.Int32, "item": pl.Int32, "timestamp": pl.Int64},
    )


@st.composite
def shares(draw: st.DrawFn) -> list[float]:
    cuts = draw(st.lists(st.integers(1, 19), min_size=1, max_size=3, unique=True))
    return [float(n) for n in np.diff([0, *sorted(cuts)]) / 20]


methods = st.sampled_from(METHODS)


@quick
@given(frame=ratings(), method=methods, parts=shares(), seed=st.integers(-5, 5))
def test_every_row_is_in_one_part_whatever_the_order_of_the_rows(
    frame: pl.DataFrame, method: str, parts: list[float], seed: int
) -> None:
    found = parts_of(frame, method, parts, seed)  # type: ignore[arg-type]
    assert len(found) == frame.height
    assert set(found.tolist()) <= set(range(len(parts) + 1))
    shuffled = frame.with_row_index("row").sample(fraction=1.0, shuffle=True, seed=seed + 9)
    if method == "chronological":  # rows of one time keep their order
        shuffled = shuffled.sort("item", maintain_order=True)
    again = parts_of(shuffled, method, parts, seed)  # type: ignore[arg-type]
    assert again.tolist() == found[shuffled["row"].to_numpy()].tolist()


@quick
@given(frame=ratings(), parts=shares(), seed=st.integers(0, 5))
def test_strata_keep_their_shares(frame: pl.DataFrame, parts: list[float], seed: int) -> None:
    for method, group in (
        ("stratified-user", "user"),
        ("stratified-item", "item"),
        ("chronological", "user"),
    ):
        found = parts_of(frame, method, parts, seed)  # type: ignore[arg-type]
        rows = frame.with_columns(part=pl.Series(found)).partition_by(group)
        for of_group in rows:
            up_to = [int((of_group["part"] <= n).sum()) for n in range(len(parts))]
            wanted = np.rint(np.cumsum(parts) * of_group.height)
            assert up_to == wanted.tolist()


@quick
@given(frame=ratings(), parts=shares(), gap=st.integers(0, 10))
def test_splits_by_time_learn_from_what_came_before(
    frame: pl.DataFrame, parts: list[float], gap: int
) -> None:
    rows = frame.with_columns(
        own=pl.Series(parts_of(frame, "chronological", parts, 0)),
        common=pl.Series(parts_of(frame, "global-time", parts, 0, gap)),
    )
    for of_user in rows.partition_by("user"):
        ordered = of_user.sort("timestamp", "own")["own"]
        assert ordered.is_sorted()
    kept = rows.filter(pl.col("common") != GAP).sort("timestamp")
    assert kept["common"].is_sorted()
    ends = kept.group_by("common").agg(
        first=pl.col("timestamp").min(), last=pl.col("timestamp").max()
    )
    ordered_ends = ends.sort("common").rows()
    for (_, _, last), (_, first, _) in pairwise(ordered_ends):
        assert first > last and first - last >= gap * DAY


def test_shares_of_many_rows_are_kept() -> None:
    rng = np.random.default_rng(1)
    flat = rng.choice(2_000 * 500, 100_000, replace=False)
    frame = pl.DataFrame(
        {
            "user": flat // 500 + 1,
            "item": flat % 500 + 1,
            "timestamp": rng.integers(0, 10**8, 10**5),
        }
    )
    for method in METHODS:
        found = parts_of(frame, method, [0.75, 0.05], 42)  # type: ignore[arg-type]
        share = np.bincount(found, minlength=3) / len(found)
        # Five standard deviations of a binomial share; rounding within the strata is less.
        assert share == pytest.approx([0.75, 0.05, 0.2], abs=0.007), method


FEW = pl.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1], "timestamp": [5, 5, 5]})


@pytest.mark.parametrize(
    ("frame", "method", "ratio", "message"),
    [
        (FEW, "stratified-item", 0.9, "nothing to test by"),
        (FEW, "stratified-user", 0.01, "nothing to train on"),
        (FEW, "global-time", 0.5, "nothing to train on"),
        (FEW, "chronological", 1.0, "above 0 and below 1"),
        (FEW, "random", 0.0, "above 0 and below 1"),
        (FEW, "by-moon", 0.5, "no split; choose one of random"),
        (FEW.drop("timestamp"), "chronological", 0.5, "needs a column 'timestamp'"),
        (FEW.drop("item"), "random", 0.5, "needs a column 'item'"),
        (FEW.clear(), "random", 0.5, "no rows"),
        (FEW.with_columns(user=pl.Series([1, None, 2])), "random", 0.5, "1 nulls"),
    ],
)
def test_splits_that_leave_nothing_are_refused(
    frame: pl.DataFrame, method: str, ratio: float, message: str
) -> None:
    with pytest.raises(SplitError, match=message):
        train_and_test(frame, method, ratio, 42)  # type: ignore[arg-type]


def test_odd_gaps_folds_and_seeds_are_refused() -> None:
    for gap in (-1, np.inf, np.nan):
        with pytest.raises(SplitError, match="0 days or more"):
            parts_of(FEW, "global-time", [0.5], 0, gap)
    with pytest.raises(SplitError, match="2 to 100"):
        folds(np.array([1]), np.array([1]), 1, 0)
    with pytest.raises(SplitError, match="32 bits"):
        parts_of(FEW, "random", [0.5], 2**40)
    with pytest.raises(SplitError, match="at least 1 round"):
        rolling_windows(0, 10**8, 0, 1)
