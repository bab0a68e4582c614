"""Splits of ratings into parts: rows come in, the part of each row goes out.

- random: by a hash of user, item and seed; a pair keeps its part whatever else arrives;
- stratified-user, stratified-item: the same shares of every user's or item's rows, drawn by that
  hash, or by the published recipe that draws along the rows;
- chronological: of every user's rows the earliest to train on, the latest to test by;
- global-time: one moment for all, with a gap after it that belongs to no part;
- k-fold by the hash, and rolling windows of days for backtests.

Everything but the published recipe depends on the rows alone, not on their order or on how they are
cut into partitions. Parts are numbered in the order of their shares; rows in a gap have `GAP`.
Spark draws the same parts with `steps.splits`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

Method = Literal["random", "stratified-item", "stratified-user", "chronological", "global-time"]
METHODS: Final[tuple[str, ...]] = get_args(Method)
Parts = NDArray[np.int8]
Hashes = NDArray[np.int64]

GAP: Final = -1
"""Part of rows that lie in a gap between two parts."""
BUCKETS: Final = 1_000_000
"""Steps in which the hash is turned into a share."""
DAY: Final = 86_400
"""Seconds of a day."""
_XXH64_SEED: Final = 42
"""What Spark starts its `xxhash64` with."""


class SplitError(ValueError):
    """A split that cannot be drawn, or that leaves nothing to train on or to test by."""


@dataclass(frozen=True)
class Window:
    """One round of a backtest: train on what came before, test by the days that follow."""

    train_before: int
    """End (exclusive) of the training rows, seconds since 1970."""
    test_from: int
    """Start of the test rows; later than `train_before` by the gap."""
    test_before: int
    """End (exclusive) of the test rows."""


def train_and_test(
    ratings: pl.DataFrame, method: Method, ratio: float, seed: int, gap_days: float = 0.0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows in two by the protocols that published figures are measured with.

    The stratified splits are the published recipe, to the row; of a user's rows with one time the
    chronological split takes the upper ones of the frame to be earlier, as the published one does.

    Args:
        ratings: user, item and, for splits by time, timestamp (seconds since 1970).
        method: how to split.
        ratio: share of the rows to train on, between 0 and 1.
        seed: another seed draws another split; splits by time draw nothing.
        gap_days: days between training and test that belong to neither; global-time only.

    Raises:
        SplitError: a missing column, a ratio outside (0, 1), an unknown method, or nothing left to
            train on or to test by.
    """
    _check(ratings, method, (ratio,))
    if method in ("stratified-item", "stratified-user"):
        by = method.removeprefix("stratified-")
        parts = published_stratified_parts(ratings[by].to_numpy(), ratio, seed)
    else:
        parts = parts_of(ratings, method, (ratio,), seed, gap_days)
    train, test = (ratings.filter(pl.Series(parts == part)) for part in (0, 1))
    for rows, purpose in ((train, "train on"), (test, "test by")):
        if rows.is_empty():
            raise SplitError(
                f"the {method} split of {ratings.height} rows with ratio {ratio} leaves nothing to"
                f" {purpose}: choose another ratio or split, or bring more ratings"
            )
    return train, test


def parts_of(
    ratings: pl.DataFrame,
    method: Method,
    shares: Sequence[float],
    seed: int,
    gap_days: float = 0.0,
) -> Parts:
    """The part of each row; those after the last share make up one part more.

    Args:
        ratings: user, item (whole numbers) and, for splits by time, timestamp.
        method: how to split; see the module.
        shares: share of the rows in each part but the last; above 0, below 1 in sum.
        seed: another seed draws another split.
        gap_days: days before each part but the first that belong to no part; global-time only.

    Raises:
        SplitError: a missing column, an unknown method, shares or a gap that are none.
    """
    _check(ratings, method, shares)
    if gap_days < 0:
        raise SplitError(f"a gap lasts 0 days or more, not {gap_days}")
    users, items = ratings["user"].to_numpy(), ratings["item"].to_numpy()
    if method == "global-time":
        times = ratings["timestamp"].to_numpy()
        cuts = cut_times(np.sort(times), shares)
        return parts_by_time(times, cuts, round(gap_days * DAY))
    if method == "chronological":
        return parts_within(users, ratings["timestamp"].to_numpy(), shares)
    hashes = pair_hashes(users, items, seed)
    if method == "random":
        return _parts_by_bucket(hashes, shares)
    group = items if method == "stratified-item" else users
    return parts_within(group, hashes, shares)


def published_stratified_parts(group: NDArray[np.integer], ratio: float, seed: int) -> Parts:
    """Part 0 or 1 of each row, as ``python_stratified_split`` of `recommenders` draws them.

    One uniform number a row, in the order of the rows, from NumPy's generator of old; by group the
    rows of the ``round(ratio * count)`` least numbers are trained on.

    Args:
        group: item (or user) of each row, in the order of the published file.
        ratio: share to train on.
        seed: 42 in the published figures.
    """
    # RandomState(seed).rand is what np.random.seed(seed) and np.random.rand give, without the
    # process-wide state.
    draws = np.random.RandomState(seed).rand(len(group))
    return parts_within(group, draws, (ratio,))


def parts_within(
    group: NDArray[np.integer], order: NDArray[np.generic], shares: Sequence[float]
) -> Parts:
    """Deal out the rows of each group in ascending order: the first share to part 0, and so on.

    The part of share s ends after ``round(s * rows of the group)`` rows, halves to even. Rows of
    equal order keep their order.
    """
    placed = np.lexsort((order, group))
    ordered = group[placed]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    counts = np.diff(starts, append=len(ordered))
    place = np.arange(len(ordered)) - np.repeat(starts, counts)
    parts = np.zeros(len(ordered), np.int8)
    for bound in bounds_of(shares):
        parts[placed] += place >= np.repeat(np.rint(bound * counts), counts)
    return parts


def bounds_of(shares: Sequence[float]) -> list[float]:
    """Where each part ends, as a share of all rows."""
    return [float(bound) for bound in np.cumsum(np.asarray(shares, np.float64))]


def folds(users: NDArray[np.integer], items: NDArray[np.integer], k: int, seed: int) -> Parts:
    """Fold of each row, 0 to k - 1, for k-fold cross-validation; by the hash of the pair.

    Raises:
        SplitError: `k` below 2, or a fold that no row falls into.
    """
    if not 2 <= k <= 100:
        raise SplitError(f"k-fold needs 2 to 100 folds, not {k}")
    bucket = np.mod(pair_hashes(users, items, seed), BUCKETS)
    fold = (bucket * k // BUCKETS).astype(np.int8)
    empty = np.flatnonzero(np.bincount(fold, minlength=k) == 0)
    if len(empty):
        raise SplitError(
            f"fold {empty[0]} of {k} has none of the {len(users)} rows: choose fewer folds"
        )
    return fold


def rolling_windows(
    first: int, last: int, rounds: int, test_days: int, gap_days: int = 0
) -> list[Window]:
    """Rounds of a backtest over days, the earliest first; the last one ends with the last day.

    Each round trains on everything before its gap and tests by the `test_days` after it; the test
    days of two rounds never overlap.

    Args:
        first: time of the earliest row, seconds since 1970.
        last: time of the latest row.
        rounds: how many, at least 1.
        test_days: days tested by in each round, at least 1.
        gap_days: days between training and test.

    Raises:
        SplitError: numbers below their least, or too few days for all rounds.
    """
    if rounds < 1 or test_days < 1 or gap_days < 0:
        raise SplitError(
            "a backtest needs at least 1 round of 1 test day and a gap of 0 days or more, not"
            f" {rounds}, {test_days} and {gap_days}"
        )
    end = (last // DAY + 1) * DAY
    starts = [end - n * test_days * DAY for n in range(rounds, 0, -1)]
    if starts[0] - gap_days * DAY <= first:
        raise SplitError(
            f"the ratings span {(last - first) // DAY + 1} days, too few for {rounds} rounds of"
            f" {test_days} test days after a gap of {gap_days}: ask for fewer"
        )
    return [Window(s - gap_days * DAY, s, s + test_days * DAY) for s in starts]


def cut_times(ascending: NDArray[np.int64], shares: Sequence[float]) -> list[int]:
    """Moments at which parts after the first begin, from all times in ascending order.

    Rows of one moment stay together, so a part may be smaller than its share.
    """
    return [int(ascending[place]) for place in cut_places(len(ascending), shares)]


def cut_places(rows: int, shares: Sequence[float]) -> list[int]:
    """Places, in the order of time, of the rows whose moments cut."""
    if not rows:
        raise SplitError("there are no rows to split: bring ratings")
    return [min(int(np.rint(bound * rows)), rows - 1) for bound in bounds_of(shares)]


def parts_by_time(times: NDArray[np.int64], cuts: Sequence[int], gap_seconds: int) -> Parts:
    """Part of each row by its time: how many cuts it has reached; `GAP` just after a cut."""
    ascending = np.asarray(cuts, np.int64)
    reached = np.searchsorted(ascending, times, side="right")
    since = times - ascending[np.maximum(reached, 1) - 1]
    parts = np.where((reached > 0) & (since < gap_seconds), GAP, reached)
    return parts.astype(np.int8)


def pair_hashes(users: NDArray[np.integer], items: NDArray[np.integer], seed: int) -> Hashes:
    """Hash of user, item and seed: Spark's ``xxhash64(user, item, seed)`` of 32-bit integers.

    Collet's XXH64 (https://github.com/Cyan4973/xxHash) of four bytes, each hash the seed of the
    next, so that a worker with NumPy and a Spark query agree on the part of every pair.
    """
    if not -(2**31) <= seed < 2**31:
        raise SplitError(f"the seed must fit 32 bits, and {seed} does not")
    hashes = np.full(len(users), _XXH64_SEED, np.uint64)
    for values in (users, items, np.full(len(users), seed)):
        hashes = _xxh64_of_int(values.astype(np.int32).view(np.uint32).astype(np.uint64), hashes)
    return hashes.view(np.int64)


_PRIMES: Final = tuple(
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)


def _xxh64_of_int(values: NDArray[np.uint64], seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    first, second, third, _, fifth = _PRIMES
    mixed = (seeds + fifth + np.uint64(4)) ^ (values * first)
    mixed = ((mixed << np.uint64(23)) | (mixed >> np.uint64(41))) * second + third
    mixed = (mixed ^ (mixed >> np.uint64(33))) * second
    mixed = (mixed ^ (mixed >> np.uint64(29))) * third
    return mixed ^ (mixed >> np.uint64(32))


def _parts_by_bucket(hashes: Hashes, shares: Sequence[float]) -> Parts:
    draws = np.mod(hashes, BUCKETS) / BUCKETS
    return np.searchsorted(bounds_of(shares), draws, side="right").astype(np.int8)


def _check(ratings: pl.DataFrame, method: str, shares: Sequence[float]) -> None:
    if method not in METHODS:
        raise SplitError(f"{method!r} is no split; choose one of {', '.join(METHODS)}")
    if not shares or min(shares) <= 0 or not 0 < bounds_of(shares)[-1] < 1:
        raise SplitError(f"shares must be above 0 and below 1 in sum, not {list(shares)}")
    timed = method in ("chronological", "global-time")
    for column in ("user", "item", *(["timestamp"] if timed else [])):
        if column not in ratings.columns:
            raise SplitError(f"the {method} split needs a column {column!r}: {ratings.columns}")
        if ratings[column].null_count():
            raise SplitError(f"column {column!r} has {ratings[column].null_count()} nulls")
    if ratings.is_empty():
        raise SplitError("there are no rows to split: bring ratings")
