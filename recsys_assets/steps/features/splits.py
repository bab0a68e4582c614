"""The splits of `kernels.splits` on tables: by the kernel itself, or on Spark without collecting.

Both give every row the same part. On Spark one hash and windows per user or item are all it takes;
only the split at one moment collects, and no more than the counts of days and the times of the day
it cuts. Neither the order of the rows nor their partitioning matters.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from pydantic import Field, model_validator
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from recsys_assets.contracts.features import GAP_SPLIT, SPLITS
from recsys_assets.kernels.splits import BUCKETS, DAY, GAP, Method, bounds_of, cut_places, parts_of
from recsys_assets.steps.params import StepParams


class SplitParams(StepParams):
    """How interactions are split; the rest after training and validation is the test part."""

    method: Method = "random"
    """random: a pair's part never changes. stratified-user, stratified-item: the same shares of
    every user's or item's rows. chronological: every user's latest rows are tested by. global-time:
    the latest rows of all."""
    train: float = Field(default=0.75, gt=0, lt=1)
    """Share of the pairs to train on."""
    validation: float = Field(default=0.05, ge=0, lt=1)
    """Share of the pairs to choose settings by."""
    seed: int = Field(default=42, ge=-(2**31), lt=2**31)
    """Another seed draws another split; splits by time draw nothing."""
    gap_days: float = Field(default=0.0, ge=0)
    """Days before validation and before test whose rows belong to no part; global-time only."""

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "SplitParams":
        if self.train + self.validation >= 1:
            raise ValueError("train + validation must leave a share to test on")
        return self


def with_parts(ratings: pl.DataFrame, params: SplitParams) -> pl.DataFrame:
    """Rows of this process with the column that `with_split` gives them, by the kernel itself.

    Args:
        ratings: user, item, timestamp, in order of users and items.
        params: how to split.
    """
    parts = parts_of(ratings, params.method, _shares(params), params.seed, params.gap_days)
    names = dict(enumerate(_names(params))) | {GAP: GAP_SPLIT}
    return ratings.with_columns(
        split=pl.Series(parts).replace_strict(names, return_dtype=pl.String)
    )


def with_split(ratings: DataFrame, params: SplitParams) -> DataFrame:
    """Rows of user, item, timestamp with a column ``split``: train, validation, test or gap.

    Of one user's rows at one time, the one with the lesser item is taken to be the earlier.
    """
    shares, names = _shares(params), _names(params)
    bounds = bounds_of(shares)
    draw = F.xxhash64("user", "item", F.lit(params.seed))
    if params.method == "global-time":
        return _by_time(ratings, names, shares, round(params.gap_days * DAY))
    if params.method == "random":
        bucket = F.pmod(draw, F.lit(BUCKETS)) / BUCKETS
        return ratings.withColumn("split", _named(names, lambda n: bucket < bounds[n]))
    if params.method == "chronological":
        return _within(ratings, "user", [F.col("timestamp"), F.col("item")], names, bounds)
    group, other = ("item", "user") if params.method == "stratified-item" else ("user", "item")
    return _within(ratings, group, [draw, F.col(other)], names, bounds)


def _shares(params: SplitParams) -> list[float]:
    return [share for share in (params.train, params.validation) if share]


def _names(params: SplitParams) -> list[str]:
    return list(SPLITS) if params.validation else [SPLITS[0], SPLITS[-1]]


def _named(names: Sequence[str], is_before_end: Callable[[int], Column]) -> Column:
    """Name of the first part whose end a row has not reached."""
    split = F.when(is_before_end(0), names[0])
    for number, name in enumerate(names[1:-1], 1):
        split = split.when(is_before_end(number), name)
    return split.otherwise(names[-1])


def _within(
    ratings: DataFrame, group: str, order: list[Column], names: list[str], bounds: list[float]
) -> DataFrame:
    """Deal out the rows of each group in order, as `kernels.splits.parts_within` does."""
    rows = Window.partitionBy(group)
    placed = ratings.withColumn("__place", F.row_number().over(rows.orderBy(*order)) - 1)
    counted = placed.withColumn("__rows", F.count("*").over(rows))
    split = _named(names, lambda n: F.col("__place") < F.rint(F.col("__rows") * bounds[n]))
    return counted.withColumn("split", split).drop("__place", "__rows")


def _by_time(ratings: DataFrame, names: list[str], shares: list[float], gap: int) -> DataFrame:
    cuts = _cut_times(ratings, shares)
    split = _named(names, lambda n: F.col("timestamp") < cuts[n])
    for number, cut in enumerate(cuts):
        # A later cut within the gap of an earlier one begins a gap of its own.
        end = min([cut + gap, *cuts[number + 1 :]])
        split = F.when(
            (F.col("timestamp") >= cut) & (F.col("timestamp") < end), GAP_SPLIT
        ).otherwise(split)
    return ratings.withColumn("split", split)


def _cut_times(ratings: DataFrame, shares: list[float]) -> list[int]:
    """The moments of `kernels.splits.cut_times`: rows per day first, then the times of those days.

    An exact order statistic without sorting all rows.
    """
    day = F.floor(F.col("timestamp") / DAY)
    counts = sorted(tuple(row) for row in ratings.groupBy(day.alias("day")).count().collect())
    ends = np.cumsum([count for _, count in counts])
    cuts = []
    for place in cut_places(int(ends[-1]) if len(ends) else 0, shares):
        number = int(np.searchsorted(ends, place, side="right"))
        of_day = ratings.filter(day == counts[number][0]).select("timestamp").collect()
        times = sorted(row["timestamp"] for row in of_day)
        cuts.append(int(times[place - (ends[number] - counts[number][1])]))
    return cuts
