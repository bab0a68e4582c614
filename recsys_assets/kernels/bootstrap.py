"""How sure the figures of click models are: the same rows drawn again and again, for all alike.

folds of (label, probability of every model) -> bootstrap -> intervals, and who is ahead
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 100
"""Draws; a 95 % interval needs no more to be read to two digits."""


@dataclass(frozen=True)
class JudgedFold:
    """Held-out rows, and what every model says of them."""

    label: NDArray[np.int8]
    probability: dict[str, Floats]


@dataclass(frozen=True)
class Resampled:
    """Figures of one model: one entry per draw, means over the folds."""

    auc: Floats
    logloss: Floats

    def interval(self, metric: str) -> tuple[float, float]:
        """The middle 95 % of a metric."""
        low, high = np.quantile(getattr(self, metric), [0.025, 0.975])
        return float(low), float(high)


def bootstrap(
    folds: list[JudgedFold], seed: int, resamples: int = RESAMPLES
) -> dict[str, Resampled]:
    """Figures of all models on the same draws, so that models can be compared draw by draw.

    A row is drawn as often as a Poisson number of mean 1 says, which for many rows is as good as
    drawing with replacement (Oza and Russell, "Online Bagging and Boosting", 2001).
    """
    names = list(folds[0].probability)
    figures = {name: np.zeros((2, resamples)) for name in names}
    for number, fold in enumerate(folds):
        rng = np.random.default_rng([seed, number])
        prepared = {name: _prepare(fold.label, fold.probability[name]) for name in names}
        for draw in range(resamples):
            weight = _draw(rng, fold.label)
            for name in names:
                figures[name][:, draw] += _figures(weight, *prepared[name])
    return {name: Resampled(*(values / len(folds))) for name, values in figures.items()}


def _draw(rng: np.random.Generator, label: NDArray[np.int8]) -> Floats:
    """How often each row counts; drawn again where a label is missing, which leaves no AUC."""
    while True:
        weight = rng.poisson(1.0, label.size).astype(np.float64)
        if 0 < weight @ label < weight.sum():
            return weight


def weighted_auc(weight: Floats, label: NDArray[np.int8], starts: NDArray[np.intp]) -> float:
    """Area under the ROC curve of weighted rows in ascending order of score, ties one half.

    Args:
        weight: how often each row counts.
        label: 0 or 1 of each row.
        starts: first row of every run of equal scores.
    """
    clicked = np.add.reduceat(weight * label, starts)
    other = np.add.reduceat(weight * (1 - label), starts)
    below = np.cumsum(other) - other
    return float((clicked * (below + 0.5 * other)).sum() / (clicked.sum() * other.sum()))


def _prepare(
    label: NDArray[np.int8], probability: Floats
) -> tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.intp], Floats]:
    order = np.argsort(probability, kind="stable")
    ordered = probability[order]
    starts = np.flatnonzero(np.append(True, np.diff(ordered) > 0))
    chance = np.clip(np.where(label == 1, probability, 1.0 - probability), 1e-15, 1.0)
    return order, label[order], starts, -np.log(chance)


def _figures(
    weight: Floats,
    order: NDArray[np.intp],
    label: NDArray[np.int8],
    starts: NDArray[np.intp],
    loss: Floats,
) -> tuple[float, float]:
    auc = weighted_auc(weight[order], label, starts)
    return auc, float((weight * loss).sum() / weight.sum())
