"""How sure a mean over users is: values of each user come in, intervals and p-values go out.

Users are drawn with replacement and the means taken again (the percentile bootstrap of Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993). Two models are compared on the same users:
each resample holds the same users for both, so what makes a user easy or hard cancels out (Smucker,
Allan and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval
Evaluation", 2007). Resamples are drawn a block at a time and never held together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES: Final = 1000
"""Resamples unless asked otherwise: a p-value is then known to about 0.01 near 0.05."""
_TAIL: Final = (1 - 0.95) / 2
"""Share of the resampled means on either side of an interval."""
_DRAWS_AT_ONCE: Final = 8_000_000
"""Users drawn at once: 64 MB of their numbers."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An interval that holds the true mean in 95 % of cases."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedTest:
    """What one model gains over another on the same users."""

    difference: float
    """Mean of the first minus mean of the second."""
    interval: Interval
    """Bootstrap interval of the difference."""
    p_bootstrap: float
    """Two-sided p-value: how often resamples stray as far from the difference as it is from 0."""
    p_wilcoxon: float
    """Two-sided p-value of Wilcoxon's signed-rank test; 1 where no user differs."""

    @property
    def is_win(self) -> bool:
        """Whether the first has the better mean: the interval lies above 0, and p is below 5 %."""
        return self.interval.low > 0 and self.p_bootstrap < 0.05

    @property
    def is_loss(self) -> bool:
        """Whether the first is worse, told the same way."""
        return self.interval.high < 0 and self.p_bootstrap < 0.05


def mean_intervals(values: ArrayLike, seed: int = 0, resamples: int = RESAMPLES) -> list[Interval]:
    """Bootstrap intervals of the mean of each column.

    Args:
        values: users x columns, e.g. metrics of several models for the same users.
        seed: of the resamples; the same ones for every column.
        resamples: how many, at least 1.

    Raises:
        ValueError: no user, no column, or a value that is not finite.
    """
    matrix = _checked(values)
    means = np.concatenate(list(_resampled_means(matrix, seed, resamples)))
    return _intervals(means)


def compare_paired(
    first: ArrayLike, second: ArrayLike, seed: int = 0, resamples: int = RESAMPLES
) -> PairedTest:
    """Compare two models by one metric of the same users, in the same order.

    Raises:
        ValueError: of different length, and as `mean_intervals`.
    """
    left, right = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if left.shape != right.shape:
        raise ValueError(
            f"a paired test needs one value per user for both, not {left.shape} and {right.shape}"
        )
    if left.ndim != 1:
        raise ValueError(f"a paired test compares one metric, not values of shape {left.shape}")
    gains = _checked((left - right)[:, np.newaxis])
    means = np.concatenate(list(_resampled_means(gains, seed, resamples)))
    difference = float(gains.mean())
    astray = np.abs(means[:, 0] - difference) >= abs(difference)
    # Counting the sample itself keeps p above 0: a resample as odd could always come next.
    # Few users can never be surer than that all of them differ the same way by chance, which
    # resamples of one or two users, all alike, do not show.
    by_chance = 2.0 ** (1 - int(np.count_nonzero(gains)))
    p_value = min(1.0, max((1 + int(astray.sum())) / (1 + resamples), by_chance))
    return PairedTest(difference, _intervals(means)[0], p_value, _wilcoxon(gains[:, 0]))


def _wilcoxon(gains: Floats) -> float:
    # Imported late: it takes a third of a second, and every process would load it.
    from scipy.stats import wilcoxon

    if not gains.any():
        return 1.0
    # Zeros split their ranks between both signs (Pratt): users no model serves still count.
    return float(wilcoxon(gains, zero_method="zsplit", method="approx").pvalue)


def _resampled_means(matrix: Floats, seed: int, resamples: int) -> Iterator[Floats]:
    rng = np.random.default_rng(seed)
    users = len(matrix)
    at_once = max(1, _DRAWS_AT_ONCE // users)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(0, users, (rows, users))
        # How often each user was drawn; one product then gives the means of all columns.
        places = drawn + users * np.arange(rows)[:, np.newaxis]
        times = np.bincount(places.ravel(), minlength=rows * users).reshape(rows, users)
        yield times @ matrix / users


def _intervals(means: Floats) -> list[Interval]:
    low, high = np.quantile(means, [_TAIL, 1 - _TAIL], axis=0)
    return [Interval(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True)]


def _checked(values: ArrayLike) -> Floats:
    matrix = np.asarray(values, np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"values must be users x columns and not empty, not {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{int((~np.isfinite(matrix)).sum())} values are NaN or infinite")
    return matrix
