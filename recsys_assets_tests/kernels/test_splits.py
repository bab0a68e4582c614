from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import (
    BUCKETS,
    DAY,
    GAP,
    METHODS,
    SplitError,
    folds,
    pair_hashes,
    parts_of,
    published_stratified_parts,
    rolling_windows,
    train_and_test,
)
from recsys_assets_tests.real_data import needs_real_data, read_real_ratings

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


def test_a_pair_keeps_its_random_part_whatever_else_arrives() -> None:
    frame = pl.DataFrame({"user": np.arange(1, 401) % 20, "item": np.arange(1, 401)})
    found = parts_of(frame, "random", [0.7], 3)
    assert parts_of(frame.head(100), "random", [0.7], 3).tolist() == found[:100].tolist()
    assert parts_of(frame, "random", [0.7], 4).tolist() != found.tolist()


def test_the_hash_is_xxh64() -> None:
    # Spark 3.5: SELECT xxhash64(1, 2, 42), xxhash64(-7, 2147483647, -1)
    found = pair_hashes(np.array([1]), np.array([2]), 42)
    assert found.dtype == np.int64
    assert found.tolist() == [-2_641_783_575_074_185_085]
    found = pair_hashes(np.array([-7]), np.array([2**31 - 1]), -1)
    assert found.tolist() == [4_927_911_536_936_710_041]


def test_published_recipe_by_hand() -> None:
    # np.random.seed(42): 0.37, 0.95, 0.73, 0.60, 0.15602, 0.15599, 0.06, 0.87
    items = np.array([7, 7, 7, 7, 5, 5, 5, 9])
    parts = published_stratified_parts(items, 0.75, 42)
    # Trained on: of 7 the three least, round(3.0); of 5 two, round(2.25); of 9 one, round(0.75).
    assert parts.tolist() == [0, 1, 0, 0, 1, 0, 0, 0]


def test_published_recipe_rounds_halves_to_even() -> None:
    for count, trained in ((2, 2), (6, 4), (10, 8), (14, 10)):  # 1.5, 4.5, 7.5, 10.5
        parts = published_stratified_parts(np.ones(count, int), 0.75, 1)
        assert int((parts == 0).sum()) == trained


@needs_real_data
def test_published_counts_on_the_real_data() -> None:
    train, test = train_and_test(read_real_ratings(), "stratified-item", 0.75, 42)
    assert (train.height, test.height) == (76_882, 23_954)
    assert not train.join(test, on=["user", "item"]).height
    assert set(test["item"]) <= set(train["item"])


@quick
@given(keys=pairs, k=st.integers(2, 5), seed=st.integers(0, 9))
def test_folds_are_complete_or_refused(keys: set[tuple[int, int]], k: int, seed: int) -> None:
    users, items = np.array(sorted(keys)).T
    drawn = set(np.mod(pair_hashes(users, items, seed), BUCKETS) * k // BUCKETS)
    if len(drawn) < k:
        with pytest.raises(SplitError, match="fewer folds"):
            folds(users, items, k, seed)
        return
    found = folds(users, items, k, seed)
    assert sorted(set(found.tolist())) == list(range(k))
    assert folds(users[::-1], items[::-1], k, seed)[::-1].tolist() == found.tolist()


def test_folds_are_of_about_one_size() -> None:
    found = folds(np.arange(20_000) % 300, np.arange(20_000), 5, 0)
    assert np.bincount(found) / 20_000 == pytest.approx([0.2] * 5, abs=0.015)


@quick
@given(
    days=st.integers(1, 60),
    rounds=st.integers(1, 5),
    test_days=st.integers(1, 9),
    gap=st.integers(0, 5),
)
def test_windows_follow_each_other_and_look_only_back(
    days: int, rounds: int, test_days: int, gap: int
) -> None:
    first, last = 5 * DAY + 3600, (5 + days - 1) * DAY + 7200
    if days <= rounds * test_days + gap:
        with pytest.raises(SplitError, match="too few"):
            rolling_windows(first, last, rounds, test_days, gap)
        return
    windows = rolling_windows(first, last, rounds, test_days, gap)
    assert len(windows) == rounds
    assert windows[0].train_before > first
    assert windows[-1].test_before - DAY <= last < windows[-1].test_before
    for window in windows:
        assert window.test_from - window.train_before == gap * DAY
        assert window.test_before - window.test_from == test_days * DAY
    for earlier, later in pairwise(windows):
        assert earlier.test_before == later.test_from


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
    with pytest.raises(SplitError, match="0 days or more"):
        parts_of(FEW, "global-time", [0.5], 0, -1)
    with pytest.raises(SplitError, match="2 to 100"):
        folds(np.array([1]), np.array([1]), 1, 0)
    with pytest.raises(SplitError, match="32 bits"):
        parts_of(FEW, "random", [0.5], 2**40)
    with pytest.raises(SplitError, match="at least 1 round"):
        rolling_windows(0, 10**8, 0, 1)
