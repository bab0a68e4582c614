"""How sure a share is: intervals of proportions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson_interval(
    hits: ArrayLike, trials: ArrayLike, z: float = Z_95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of a proportion; it holds its level for few trials and shares near 0 or 1 too.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).

    Args:
        hits: trials that succeeded.
        trials: at least as many; without any, the interval is 0 to 1.
        z: quantile of the standard normal distribution; 95 % by default.

    Returns:
        Lower and upper ends.

    Raises:
        ValueError: more hits than trials, or fewer than none.
    """
    n, k = np.asarray(trials, np.float64), np.asarray(hits, np.float64)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError("hits must lie between 0 and the number of trials")
    some = np.maximum(n, 1.0)
    share = k / some
    centre = share + z**2 / (2 * some)
    spread = z * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2))
    scale = 1 + z**2 / some
    low = np.where(n > 0, (centre - spread) / scale, 0.0)
    high = np.where(n > 0, (centre + spread) / scale, 1.0)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
