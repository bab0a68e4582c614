"""Rating metrics: true and predicted ratings come in, error measures go out.

Everything is computed from `RatingSums`, six numbers that can be taken over any block of pairs and
added, so that blocks held by different workers give the metrics of the whole. With ``e = truth -
prediction`` and means over all pairs:

- rmse: ``sqrt(mean(e**2))``
- mae: ``mean(|e|)``
- r_squared: ``1 - sum(e**2) / sum((truth - mean(truth))**2)``
- explained_variance: ``1 - var(e) / var(truth)``
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.metrics import checks


@dataclass(frozen=True, slots=True)
class RatingSums:
    """Sufficient statistics of pairs of ratings; the defaults are those of no pairs at all.

    Spread is kept around the mean and merged by the pairwise update of Chan, Golub and LeVeque
    (1983): sums of squares would lose the digits that matter when ratings are far from 0.
    """

    count: int = 0
    """Number of pairs."""
    truth_mean: float = 0.0
    """Mean true rating."""
    truth_spread: float = 0.0
    """Sum of squared deviations of the true ratings from their mean."""
    error_mean: float = 0.0
    """Mean of truth minus prediction."""
    error_spread: float = 0.0
    """Sum of squared deviations of the errors from their mean."""
    absolute_error: float = 0.0
    """Sum of absolute errors."""

    @classmethod
    def from_arrays(cls, truth: ArrayLike, prediction: ArrayLike) -> "RatingSums":
        """Summarise two flat arrays of one length.

        Raises:
            ValueError: empty, unequal, not flat, NaN or infinite input.
        """
        actual, predicted = checks.paired_vectors(truth, prediction, ("truth", "prediction"))
        error = actual - predicted
        return cls(
            actual.size,
            *_mean_and_spread(actual),
            *_mean_and_spread(error),
            absolute_error=float(np.abs(error).sum()),
        )

    def __add__(self, other: "RatingSums") -> "RatingSums":
        """Return the statistics of both sets of pairs together."""
        count = self.count + other.count
        if count == 0:
            return self
        share = other.count / count
        truth_gap = other.truth_mean - self.truth_mean
        error_gap = other.error_mean - self.error_mean
        between = self.count * share
        return RatingSums(
            count=count,
            truth_mean=self.truth_mean + truth_gap * share,
            truth_spread=self.truth_spread + other.truth_spread + truth_gap**2 * between,
            error_mean=self.error_mean + error_gap * share,
            error_spread=self.error_spread + other.error_spread + error_gap**2 * between,
            absolute_error=self.absolute_error + other.absolute_error,
        )

    @property
    def rmse(self) -> float:
        """Root of the mean squared error, in units of the rating."""
        return float(np.sqrt(self._squared_error() / self._pairs()))

    @property
    def mae(self) -> float:
        """Mean absolute error, in units of the rating."""
        return self.absolute_error / self._pairs()

    @property
    def r_squared(self) -> float:
        """Share of the spread of the ratings that the predictions account for; at most 1."""
        return 1.0 - self._squared_error() / self._truth_spread("r_squared")

    @property
    def explained_variance(self) -> float:
        """Like r_squared, but forgiving a constant offset of the predictions; at most 1."""
        return 1.0 - self.error_spread / self._truth_spread("explained_variance")

    def metrics(self) -> dict[str, float]:
        """Return rmse, mae, r_squared and explained_variance.

        Raises:
            ValueError: no pairs, or true ratings that are all equal.
        """
        return {
            "rmse": self.rmse,
            "mae": self.mae,
            "r_squared": self.r_squared,
            "explained_variance": self.explained_variance,
        }

    def _squared_error(self) -> float:
        return self.error_spread + self.count * self.error_mean**2

    def _pairs(self) -> int:
        if self.count == 0:
            raise ValueError("there are no pairs of ratings: check that truth and prediction join")
        return self.count

    def _truth_spread(self, metric: str) -> float:
        if self.truth_spread == 0.0:
            raise ValueError(
                f"{metric} is undefined: the {self._pairs()} true ratings are all equal"
                f" ({self.truth_mean}); measure more pairs, or use rmse and mae alone"
            )
        return self.truth_spread


def _mean_and_spread(values: NDArray[np.float64]) -> tuple[float, float]:
    # Measured from the first value, equal values have a spread of exactly 0.
    offsets = values - values[0]
    mean = offsets.mean()
    return float(values[0] + mean), float(np.square(offsets - mean).sum())
