"""Dealing the rows of groups out to parts, in a given order or by the published recipe."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Parts = NDArray[np.int8]

GAP: Final = -1
"""Part of rows that lie in a gap between two parts."""


class SplitError(ValueError):
    """A split that cannot be drawn, or that leaves nothing to train on or to test by."""


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
