"""Folds of training rows: a row is encoded from other folds than its own.

position of a row -> its fold, drawn by a hash, or the period it falls into
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

FOLD = "fold"


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


def rows_apart(fold: NDArray[np.int8], left_out: int | None, earlier: bool) -> NDArray[np.bool_]:
    """Rows from which a fold is encoded: all others, or those before it; all if none is left out.

    Args:
        fold: fold of each training row.
        left_out: the fold that is to be encoded; None for rows outside training.
        earlier: whether folds follow one another in time.
    """
    if left_out is None:
        return np.ones(fold.size, bool)
    return fold < left_out if earlier else fold != left_out
