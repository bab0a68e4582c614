"""Looking values up: the row of a code in a table, and what is found there.

Batches and the scoring service look up here, so that both find the same to the last bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
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

    @cached_property
    def slots(self) -> NDArray[np.uint64]:
        """Where to look for each code."""
        # Imported late: the service, which looks up few rows by other means, needs no compiler.
        from recsys_assets.kernels.hashing import build_slots

        return build_slots(self.codes)

    def places(self, codes: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Row of each code; the last for unknown ones."""
        from recsys_assets.kernels.hashing import find_places

        return find_places(codes, self.slots, len(self.codes))


def looked_up(
    places: NDArray[np.int64],
    absent: NDArray[np.bool_],
    counts: NDArray[np.float32],
    means: NDArray[np.float32],
    prior: NDArray[np.float32],
    left_out: NDArray[np.int64] | int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Count and mean of values by their row in a table: the one place where both are made."""
    count = counts.take(places)
    # By one number: NumPy takes twice as long to look up by two.
    mean = means.take(places * np.int64(means.shape[1]) + left_out)
    if absent.any():
        count[absent] = np.nan
        mean = np.where(absent, prior[left_out], mean)
    return count, mean


def add_effects(parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sum of the intercept and all effects, in their order: a sum of floats depends on it."""
    first, *others = parts
    total = np.array(first, np.float32)
    for part in others:
        total += part
    return total
