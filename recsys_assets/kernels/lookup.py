"""Looking values up: the row of a code in a table, and what is found there.

Batches and the scoring service look up here, so that both find the same to the last bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class LookupTable:
    """Features of each value of one category; its last row is for unknown values."""

    codes: NDArray[np.uint32]
    """Known values, ascending."""
    counts: NDArray[np.float32]
    """Logarithm of 1 + training rows, by value."""
    means: NDArray[np.float32]
    """Smoothed click rate, by value and by the fold left out; the last column leaves out none."""

    def places(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each code; the last for unknown ones."""
        # Hashing the table pays for many rows, searching it for few; both find the same.
        many = len(codes) > len(self.codes)
        return self._joined(codes) if many else self._searched(codes)

    def _joined(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        rows = pl.DataFrame({"code": self.codes}).with_row_index("place")
        wanted = pl.DataFrame({"code": codes})
        place = wanted.join(rows, on="code", how="left", maintain_order="left")["place"]
        return place.cast(pl.Int64).fill_null(len(self.codes)).to_numpy()

    def _searched(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        if not len(self.codes):
            return np.zeros(len(codes), np.int64)
        place = np.searchsorted(self.codes, codes)
        known = self.codes[np.minimum(place, len(self.codes) - 1)] == codes
        return np.where(known, place, len(self.codes))


def looked_up(
    places: NDArray[np.int64],
    absent: NDArray[np.bool_],
    counts: NDArray[np.float32],
    means: NDArray[np.float32],
    prior: NDArray[np.float32],
    left_out: NDArray[np.int64] | int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Count and mean of values by their row in a table: the one place where both are made."""
    count = np.where(absent, np.float32(np.nan), counts[places])
    return count, np.where(absent, prior[left_out], means[places, left_out])


def add_effects(parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sum of the intercept and all effects, in their order: a sum of floats depends on it."""
    first, *others = parts
    total = np.array(first, np.float32)
    for part in others:
        total += part
    return total
