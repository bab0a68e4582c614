"""Pairs of small whole numbers as one number each: compared and joined several times faster."""

from collections.abc import Sequence

import numpy as np
import polars as pl

PAIR = "pair"
"""Column that `with_pair` adds."""
_SMALL = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16)


def is_pair(frame: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether these are two columns that one 64-bit number can hold."""
    return len(columns) == 2 and all(frame.schema[name] in _SMALL for name in columns)


def with_pair(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The frame with its two columns as one number, in `PAIR`; equal where both are equal."""
    first, second = columns
    number = pl.col(first).cast(pl.Int64) * (1 << 32) + pl.col(second).cast(pl.Int64)
    return frame.with_columns(number.alias(PAIR))


def count_pairs(frame: pl.DataFrame, columns: Sequence[str]) -> int:
    """How many different pairs there are."""
    numbers = np.sort(with_pair(frame.select(columns), columns)[PAIR].to_numpy())
    return min(len(numbers), 1) + int(np.count_nonzero(numbers[1:] != numbers[:-1]))
