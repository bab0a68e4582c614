"""Calibration: the log odds of the trees and of the additive model become one probability.

    validation rows: label, log odds of both -> fit_blend -> Blend
    log odds of both + Blend -> click probability

Platt's logistic calibration, on two scores instead of one: the trees know interactions, the
additive model knows rare values, and their weighted mean is better than either.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]


class Blend(NamedTuple):
    """Log odds = intercept + trees * (log odds of the trees) + margin * (additive log odds)."""

    intercept: float = 0.0
    trees: float = 1.0
    margin: float = 0.0

    def log_odds(self, trees: Floats, margin: Floats) -> Floats:
        """Calibrated log odds of rows."""
        return self.intercept + self.trees * trees + self.margin * margin

    def probability(self, trees: Floats, margin: Floats) -> Floats:
        """Click probability of rows, from the log odds of both models."""
        chance: Floats = expit(self.log_odds(trees, margin))
        return chance


TREES, MEAN = Blend(), Blend(0.0, 0.5, 0.5)
"""The trees alone, and what stands where nothing better is known."""

DEVIATION = np.array([0.5, 0.25, 0.25])
"""Prior deviation of the three numbers from `MEAN`: few validation rows move them little."""

PARTS = 5
"""Blocks of the validation rows, each judged by what the others were fitted to."""


def fit_blend(label: NDArray[np.int8], trees: Floats, margin: Floats) -> tuple[Blend, str]:
    """The mean of both models, or the blend fitted to the validation rows where that is better.

    The fitted one is judged out of sample: it is taken only if it lowers the loss of validation
    rows that it was not fitted to.

    Args:
        label: 0 or 1 of each validation row, in the order of time.
        trees: log odds of the boosted trees.
        margin: log odds of the additive model.

    Returns:
        The blend, and in words which it is.
    """
    part = np.arange(label.size) * PARTS // max(label.size, 1)
    fitted = np.empty(label.size)
    for number in range(PARTS):
        own = part == number
        blend = _fit(label[~own], trees[~own], margin[~own])
        fitted[own] = _losses(label[own], blend.log_odds(trees[own], margin[own]))
    if fitted.mean() < _losses(label, MEAN.log_odds(trees, margin)).mean():
        return _fit(label, trees, margin), "fitted to the validation part"
    return MEAN, "mean of trees and additive model"


def _losses(label: NDArray[np.int8], log_odds: Floats) -> Floats:
    """Log loss of each row."""
    return np.logaddexp(0.0, np.where(label == 1, -log_odds, log_odds))


def _fit(label: NDArray[np.int8], trees: Floats, margin: Floats) -> Blend:
    # Imported late: it is a quarter of what the service, which only scores, takes to load.
    from scipy.optimize import minimize

    design = np.column_stack([np.ones(label.size), trees, margin])

    def objective(values: Floats) -> tuple[float, Floats]:
        odds = design @ values
        away = (values - MEAN) / DEVIATION
        loss = _losses(label, odds).sum() + 0.5 * (away**2).sum()
        return loss, design.T @ (expit(odds) - label) + away / DEVIATION

    found = minimize(objective, np.array(MEAN), jac=True, method="L-BFGS-B")
    return Blend(*(float(value) for value in found.x))
