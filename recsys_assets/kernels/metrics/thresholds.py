"""Every threshold on a score: labels and scores come in, what lies at or above each goes out.

All curves of a click model are read off these counts: ROC, precision and recall, and the areas
under them. They are exact, and equal scores count as one, so no order of the rows changes them.
They are scikit-learn's, which tests hold them to; loading it takes a second of each run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Thresholds:
    """Counts at each distinct score, the highest first."""

    score: NDArray[np.float64]
    """The distinct scores, descending."""
    clicks: NDArray[np.int64]
    """Clicks whose score is at least that."""
    rows: NDArray[np.int64]
    """Rows whose score is at least that."""

    @property
    def others(self) -> NDArray[np.int64]:
        """Rows without a click whose score is at least that."""
        return self.rows - self.clicks

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of clicks among the rows at or above each threshold."""
        return self.clicks / self.rows

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of all clicks that lie at or above each threshold."""
        return self.clicks / self.clicks[-1]

    @property
    def fall_out(self) -> NDArray[np.float64]:
        """Share of all rows without a click that lie at or above each threshold."""
        return self.others / self.others[-1]

    def area_under_roc(self) -> float:
        """Chance that a click scores higher than a row without one, a tie counting one half.

        Of each score: its rows without a click, against the clicks above it and half of its own.
        """
        below = np.diff(self.others, prepend=0)
        twice = np.sum(below * (2 * self.clicks - np.diff(self.clicks, prepend=0)))
        return float(twice / (2 * self.clicks[-1] * self.others[-1]))

    def average_precision(self) -> float:
        """Sum over thresholds of precision times the step in recall."""
        return float(np.sum(self.precision * np.diff(self.recall, prepend=0.0)))


def thresholds(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> Thresholds:
    """Count clicks and rows at or above each distinct score.

    Args:
        labels: 0 or 1 of each row, at least one row.
        scores: as long, without NaN.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), falling.size - 1)
    clicks = np.cumsum(labels[order] != 0, dtype=np.int64)
    return Thresholds(falling[last], clicks[last], last + 1)
