"""Levels: every column of a click row, number or category or pair of them, as one of few values.

numbers -> bins of equal width in the logarithm; categories -> their codes
a pair of columns -> one code for both together ("C14*C17")
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.click_fields import CATEGORIES, NUMBERS

BINS_PER_E = 3
"""Bins while a number grows by the factor e."""
NUMBER_LEVELS = 68
"""Levels of a number: missing, negative, 0, then bins up to 2^31."""
MISSING, RARE = -1, -2
"""Values that stand for a missing field, and for all values that are rare or unknown."""

Codes = NDArray[np.uint32]


def code_of(name: str) -> pl.Expr:
    """A category's eight hexadecimal digits as a number; null for anything else."""
    digits = pl.col(name).cast(pl.String)
    return digits.str.to_integer(base=16, dtype=pl.UInt32, strict=False)


def number_levels(values: pl.Series) -> NDArray[np.int32]:
    """Level of each number of a column, see `levels_of`."""
    return levels_of(values.cast(pl.Float32).fill_null(np.nan).to_numpy())


def levels_of(numbers: NDArray[np.float32]) -> NDArray[np.int32]:
    """Level of each number: 0 missing, 1 negative, 2 zero, then ``2 + floor(3 ln(1 + x))``."""
    missing = np.isnan(numbers)
    logs = np.log1p(np.where(missing, 0.0, np.maximum(numbers, 0.0)).astype(np.float64))
    level = np.where(numbers < 0, 1, 2 + np.floor(BINS_PER_E * logs))
    level = np.minimum(np.where(missing, 0, level), NUMBER_LEVELS - 1)
    return level.astype(np.int32)


def cross_name(first: str, second: str) -> str:
    """Name of a pair of columns."""
    return f"{first}*{second}"


def is_cross(name: str) -> bool:
    """Whether a column is a pair of others."""
    return "*" in name


def with_crosses(frame: pl.DataFrame, crosses: tuple[str, ...]) -> pl.DataFrame:
    """The frame with a column of 32-bit codes for each pair."""
    needed = {name for cross in crosses for name in cross.split("*")}
    keys = {name: _key(frame, name) for name in needed}
    pairs = {cross: mix(*(keys[name] for name in cross.split("*"))) for cross in crosses}
    return frame.with_columns(pl.Series(name, codes) for name, codes in pairs.items())


def mix(first: Codes, second: Codes) -> Codes:
    """One code for two: the finalizer of MurmurHash3 (Appleby) over both."""
    mixed = first * np.uint32(0x9E3779B1) + second
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return mixed ^ (mixed >> np.uint32(16))


def _key(frame: pl.DataFrame, name: str) -> Codes:
    if name in NUMBERS:
        return number_levels(frame[name]).astype(np.uint32)
    if name not in CATEGORIES:
        raise ValueError(f"{name!r} is no column of a click row")
    # Zero is a code like any other, and a missing category one more value of the pair.
    return frame.select(code_of(name).fill_null(0)).to_series().to_numpy()
