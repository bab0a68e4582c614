"""Parts by time: moments that cut, gaps after them, and rolling windows of days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.splits.parts import GAP, Parts, SplitError, bounds_of

DAY: Final = 86_400
"""Seconds of a day."""


@dataclass(frozen=True)
class Window:
    """One round of a backtest: train on what came before, test by the days that follow."""

    train_before: int
    """End (exclusive) of the training rows, seconds since 1970."""
    test_from: int
    """Start of the test rows; later than `train_before` by the gap."""
    test_before: int
    """End (exclusive) of the test rows."""


def cut_times(ascending: NDArray[np.int64], shares: Sequence[float]) -> list[int]:
    """Moments at which parts after the first begin, from all times in ascending order.

    Rows of one moment stay together, so a part may be smaller than its share.
    """
    return [int(ascending[place]) for place in cut_places(len(ascending), shares)]


def cut_places(rows: int, shares: Sequence[float]) -> list[int]:
    """Places, in the order of time, of the rows whose moments cut."""
    if not rows:
        raise SplitError("there are no rows to split: bring ratings")
    return [min(int(np.rint(bound * rows)), rows - 1) for bound in bounds_of(shares)]


def parts_by_time(times: NDArray[np.int64], cuts: Sequence[int], gap_seconds: int) -> Parts:
    """Part of each row by its time: how many cuts it has reached; `GAP` just after a cut."""
    ascending = np.asarray(cuts, np.int64)
    reached = np.searchsorted(ascending, times, side="right")
    since = times - ascending[np.maximum(reached, 1) - 1]
    parts = np.where((reached > 0) & (since < gap_seconds), GAP, reached)
    return parts.astype(np.int8)


def rolling_windows(
    first: int, last: int, rounds: int, test_days: int, gap_days: int = 0
) -> list[Window]:
    """Rounds of a backtest over days, the earliest first; the last one ends with the last day.

    Each round trains on everything before its gap and tests by the `test_days` after it; the test
    days of two rounds never overlap.

    Args:
        first: time of the earliest row, seconds since 1970.
        last: time of the latest row.
        rounds: how many, at least 1.
        test_days: days tested by in each round, at least 1.
        gap_days: days between training and test.

    Raises:
        SplitError: numbers below their least, or too few days for all rounds.
    """
    if rounds < 1 or test_days < 1 or gap_days < 0:
        raise SplitError(
            "a backtest needs at least 1 round of 1 test day and a gap of 0 days or more, not"
            f" {rounds}, {test_days} and {gap_days}"
        )
    end = (last // DAY + 1) * DAY
    starts = [end - n * test_days * DAY for n in range(rounds, 0, -1)]
    if starts[0] - gap_days * DAY <= first:
        raise SplitError(
            f"the ratings span {(last - first) // DAY + 1} days, too few for {rounds} rounds of"
            f" {test_days} test days after a gap of {gap_days}: ask for fewer"
        )
    return [Window(s - gap_days * DAY, s, s + test_days * DAY) for s in starts]
