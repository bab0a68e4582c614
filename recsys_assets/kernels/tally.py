"""Counting categories: how many rows hold a value, and how many of them were clicked.

training rows -> (block by block) -> Tally -> statistics
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.categories import STATISTICS_SCHEMA
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.levels import code_of, is_cross, with_crosses
from recsys_assets.kernels.metrics.checks import require_columns
from recsys_assets.kernels.sorting import sort_numbers

_WAITING_ROWS = 4_000_000
"""Rows whose keys are collected, 32 MB a column, before they are counted."""
_KEY_BITS = 40
"""Of a key: 32 of the value, seven of the fold, one of the label."""

_Keys = NDArray[np.uint64]
_Counts = NDArray[np.int64]


class Tally:
    """Counts of some columns, added up block by block.

    A row is counted under one number per column, made of value, fold (seven bits) and label (one):
    sorting numbers is several times faster than grouping rows by three columns.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """Nothing counted yet.

        Args:
            columns: ``label``, categories, and pairs of columns.
        """
        self._columns = tuple(columns)
        self._waiting: dict[str, list[_Keys]] = {name: [] for name in columns}
        self._waiting_rows = 0
        nothing = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._counted: dict[str, tuple[_Keys, _Counts]] = dict.fromkeys(columns, nothing)

    def add(self, frame: pl.DataFrame) -> None:
        """Count a block of training rows: ``label``, ``fold``, and what the columns are made of."""
        keys = self._keys(frame)
        for name in self._columns:
            self._waiting[name].append(keys[name][0].to_numpy())
        self._waiting_rows += frame.height
        if self._waiting_rows > _WAITING_ROWS:
            self._settle()

    def statistics(self, min_count: int = 1) -> pl.DataFrame:
        """Columns of ``STATISTICS_SCHEMA``, sorted within each column; rare values first.

        Args:
            min_count: values that fewer rows hold are put into one, the null value. Without it,
                nearly every row of a large log would bring a value of its own.
        """
        self._settle()
        parts = [_statistics(name, *self._counted[name], min_count) for name in self._columns]
        return pl.concat(parts)

    def _keys(self, frame: pl.DataFrame) -> pl.DataFrame:
        """One row: for each column, the keys of all rows that have a value."""
        frame = with_crosses(frame, tuple(filter(is_cross, self._columns)))
        within = pl.col(FOLD).cast(pl.UInt64) * 2 + pl.col(LABEL).cast(pl.UInt64)
        frame = frame.with_columns(within.alias("within"))
        keys = (_value(name) * 256 + pl.col("within") for name in self._columns)
        # All columns in one query: a query for each takes longer than its work.
        return frame.select(
            key.drop_nulls().implode().alias(name)
            for name, key in zip(self._columns, keys, strict=True)
        )

    def _settle(self) -> None:
        """Add what waits to what is counted, so that no more than the distinct keys is held."""
        for name, waiting in self._waiting.items():
            if waiting:
                keys = sort_numbers(np.concatenate(waiting), _KEY_BITS)
                starts = _starts(keys)
                rows = np.diff(starts, append=len(keys))
                self._counted[name] = _merged(*self._counted[name], keys[starts], rows)
                waiting.clear()
        self._waiting_rows = 0


def count_categories(
    frame: pl.DataFrame, crosses: tuple[str, ...] = (), min_count: int = 1
) -> pl.DataFrame:
    """Statistics of training rows that are all in memory.

    Args:
        frame: columns ``label``, ``fold``, all categories, and what the pairs are made of.
        crosses: pairs of columns that are counted too.
        min_count: see `Tally.statistics`.
    """
    require_columns(frame, "training rows", [LABEL, FOLD, *CATEGORIES])
    tally = Tally((LABEL, *CATEGORIES, *crosses))
    tally.add(frame)
    return tally.statistics(min_count)


def _value(name: str) -> pl.Expr:
    if name == LABEL:
        return pl.lit(0, pl.UInt64)
    return (pl.col(name) if is_cross(name) else code_of(name)).cast(pl.UInt64)


def _merged(
    keys: _Keys, rows: _Counts, more_keys: _Keys, more_rows: _Counts
) -> tuple[_Keys, _Counts]:
    """Two sets of ascending keys as one, and how many rows hold each."""
    if not len(keys):
        return more_keys, more_rows
    both, counts = np.concatenate([keys, more_keys]), np.concatenate([rows, more_rows])
    order = np.argsort(both, kind="stable")
    starts = _starts(both[order])
    return both[order][starts], np.add.reduceat(counts[order], starts)


def _starts(ascending: _Keys) -> NDArray[np.intp]:
    """Where each run of equal keys begins."""
    differs = np.ones(len(ascending), bool)
    differs[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(differs)


def _statistics(name: str, keys: _Keys, rows: _Counts, min_count: int) -> pl.DataFrame:
    if not len(keys):
        return pl.DataFrame(schema=STATISTICS_SCHEMA)
    groups = keys >> np.uint64(1)
    starts = _starts(groups)
    count = np.add.reduceat(rows, starts)
    clicks = np.add.reduceat(rows * (keys & np.uint64(1)).astype(np.int64), starts)
    value, fold = groups[starts] >> np.uint64(7), groups[starts] & np.uint64(127)
    values = _starts(value)
    totals = np.add.reduceat(count, values)
    few = (totals < min_count) | (name == LABEL)
    rare = np.repeat(few, np.diff(np.append(values, len(value))))
    table = pl.DataFrame(
        {"value": value, "fold": fold, "count": count, "clicks": clicks},
        {n: dtype for n, dtype in STATISTICS_SCHEMA.items() if n != "column"},
    )
    together = table.filter(rare).group_by("fold").agg(pl.col("count", "clicks").sum())
    together = together.sort("fold").with_columns(value=pl.lit(None, pl.Int64))
    merged = pl.concat([together.select(table.columns), table.filter(~rare)])
    return merged.select(pl.lit(name).alias("column"), pl.all())
