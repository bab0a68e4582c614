"""Splits by name: rows of ratings come in, their parts or both halves go out."""

import math
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
import polars as pl

from recsys_assets.kernels.splits.hashes import pair_hashes, parts_by_bucket
from recsys_assets.kernels.splits.parts import (
    Parts,
    SplitError,
    bounds_of,
    parts_within,
    published_stratified_parts,
)
from recsys_assets.kernels.splits.times import DAY, cut_times, parts_by_time

Method = Literal["random", "stratified-item", "stratified-user", "chronological", "global-time"]
METHODS: Final[tuple[str, ...]] = get_args(Method)


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
    if not 0 <= gap_days < math.inf:
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
        return parts_by_bucket(hashes, shares)
    group = items if method == "stratified-item" else users
    return parts_within(group, hashes, shares)


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
