"""Counting categories: how many rows hold a value, and how many of them were clicked.

    training rows -> count_categories -> statistics (blocks add up) -> merge_rare -> statistics

Rows are told apart by fold, so that a training row can be encoded without its own.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.click_fields import CATEGORIES, LABEL
from recsys_assets.kernels.levels import code_of, with_crosses
from recsys_assets.kernels.metrics.checks import require_columns

FOLD = "fold"
STATISTICS_SCHEMA: dict[str, pl.DataType] = {
    "column": pl.String(),
    "value": pl.Int64(),
    "fold": pl.Int8(),
    "count": pl.Int64(),
    "clicks": pl.Int64(),
}
"""Rows and clicks of each value of each category in each fold.

A value is its eight hexadecimal digits as a number; null stands for all rare values together. Rows
of the column ``label`` count all rows of a fold, whatever their values. A pair of columns is a
category of its own, named ``C14*C17``.
"""


def assign_folds(first: int, rows: int, folds: int, seed: int) -> pl.Series:
    """Folds of the rows at positions ``first`` to ``first + rows``: a hash of position and seed.

    The hash is the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
    Number Generators", 2014), so that a row's fold depends on nothing but its position.
    """
    position = np.arange(first, first + rows, dtype=np.uint64)
    mixed = (position + np.uint64(seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return pl.Series(FOLD, (mixed % np.uint64(folds)).astype(np.int8))


def assign_periods(first: int, rows: int, folds: int, total: int) -> pl.Series:
    """Folds that follow one another in time, all of the same size.

    Args:
        first: position of the first row.
        rows: rows from there on.
        folds: periods.
        total: training rows in all.
    """
    position = np.arange(first, first + rows, dtype=np.int64)
    return pl.Series(FOLD, (position * folds // total).astype(np.int8))


def count_categories(frame: pl.DataFrame, crosses: tuple[str, ...] = ()) -> pl.DataFrame:
    """Statistics of a block of training rows.

    Args:
        frame: columns ``label``, ``fold``, all categories, and what the pairs are made of.
        crosses: pairs of columns that are counted too.

    Returns:
        Columns of ``STATISTICS_SCHEMA``; those of several blocks add up by `add_up`.
    """
    require_columns(frame, "training rows", [LABEL, FOLD, *CATEGORIES])
    categories = frame.select(LABEL, FOLD, *(code_of(c) for c in CATEGORIES))
    pairs = with_crosses(frame, crosses).select(crosses)
    rows = pl.concat([categories, pairs], how="horizontal").lazy()
    counted = [pl.len().alias("count"), pl.col(LABEL).cast(pl.Int64).sum().alias("clicks")]
    queries = [rows.group_by(FOLD).agg(counted).with_columns(column=pl.lit(LABEL), value=None)]
    for name in (*CATEGORIES, *crosses):
        seen = rows.filter(pl.col(name).is_not_null())
        groups = seen.group_by(FOLD, pl.col(name).alias("value")).agg(counted)
        queries.append(groups.with_columns(column=pl.lit(name)))
    blocks = pl.collect_all(queries)
    return pl.concat([typed(block) for block in blocks])


def add_up(statistics: pl.LazyFrame) -> pl.LazyFrame:
    """Sum the statistics of several blocks."""
    keys = ["column", "value", "fold"]
    return statistics.group_by(keys).agg(pl.col("count", "clicks").sum())


def merge_rare(statistics: pl.DataFrame, min_count: int) -> pl.DataFrame:
    """Put the values that fewer than ``min_count`` rows hold into one, the null value.

    Without it, nearly every row of a large log would bring a value of its own. The result is
    sorted, so that the same rows always give the same table.
    """
    total = pl.col("count").sum().over("column", "value")
    common = (total >= min_count) & (pl.col("column") != LABEL)
    merged = statistics.with_columns(value=pl.when(common).then("value"))
    return typed(add_up(merged.lazy()).sort("column", "value", "fold").collect())


def typed(statistics: pl.DataFrame) -> pl.DataFrame:
    """Statistics with the columns and types of ``STATISTICS_SCHEMA``."""
    return statistics.select(pl.col(n).cast(dtype) for n, dtype in STATISTICS_SCHEMA.items())


def outside_folds(
    statistics: pl.DataFrame, codes: NDArray[np.uint32], folds: int, *, earlier: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clicks and rows of each value (rare ones last): outside each fold, then in all.

    Args:
        statistics: of one column.
        codes: its values, ascending.
        folds: of the training rows.
        earlier: folds are periods, and outside a period is what came before it.
    """
    value = statistics["value"].cast(pl.UInt32)
    place = np.searchsorted(codes, value.fill_null(0).to_numpy())
    place[value.is_null().to_numpy()] = len(codes)
    fold = statistics["fold"].to_numpy().astype(np.int64)
    outside = []
    for name in ("clicks", "count"):
        inside = np.zeros((len(codes) + 1, folds))
        inside[place, fold] = statistics[name].to_numpy()
        total = inside.sum(axis=1, keepdims=True)
        others = inside.cumsum(axis=1) - inside if earlier else total - inside
        outside.append(np.hstack([others, total]))
    return outside[0], outside[1]
