"""Rating metrics: true and predicted ratings come in, error measures go out.

With ``e = truth - prediction`` and means over all pairs:

- rmse: ``sqrt(mean(e**2))``, in units of the rating
- mae: ``mean(|e|)``, in units of the rating
- r_squared: ``1 - sum(e**2) / sum((truth - mean(truth))**2)``; at most 1
- explained_variance: ``1 - var(e) / var(truth)``: forgives a constant offset; at most 1
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.metrics import checks


def rating_metrics(truth: ArrayLike, prediction: ArrayLike) -> dict[str, float]:
    """Return rmse, mae, r_squared and explained_variance of two flat arrays of one length.

    Of true ratings that are all alike the last two are undefined, and left out.

    Raises:
        ValueError: empty, unequal, not flat, NaN or infinite input.
    """
    actual, predicted = checks.paired_vectors(truth, prediction, ("truth", "prediction"))
    error = actual - predicted
    _, truth_spread = _mean_and_spread(actual)
    error_mean, error_spread = _mean_and_spread(error)
    squared_error = error_spread + error.size * error_mean**2
    metrics = {
        "rmse": float(np.sqrt(squared_error / error.size)),
        "mae": float(np.abs(error).sum()) / error.size,
    }
    if truth_spread:
        metrics["r_squared"] = 1.0 - squared_error / truth_spread
        metrics["explained_variance"] = 1.0 - error_spread / truth_spread
    return metrics


def _mean_and_spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean, and sum of squared deviations from it: sums of squares would lose the digits."""
    # Measured from the first value, equal values have a spread of exactly 0.
    offsets = values - values[0]
    mean = offsets.mean()
    return float(values[0] + mean), float(np.square(offsets - mean).sum())
