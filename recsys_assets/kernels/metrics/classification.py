"""Click metrics: 0/1 labels and predicted probabilities come in, metrics and small tables go out.

No result depends on the order of the rows: equal probabilities are always treated alike.
"""

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.metrics import checks
from recsys_assets.kernels.metrics.thresholds import thresholds


def auc(label: ArrayLike, probability: ArrayLike) -> float:
    """Return the area under the ROC curve.

    It is the chance that a random click is given a higher probability than a random non-click, a
    tie counting one half.

    Args:
        label: flat array of 0 and 1 (or booleans), both present.
        probability: flat array of the same length, in [0, 1].

    Raises:
        ValueError: a single class, other labels, NaN, or probabilities outside [0, 1].
    """
    labels, probabilities = _checked(label, probability)
    _require_both_classes(labels, "auc")
    return thresholds(labels, probabilities).area_under_roc()


def average_precision(label: ArrayLike, probability: ArrayLike) -> float:
    """Return the sum over all thresholds of precision x step in recall.

    Raises:
        ValueError: a single class, other labels, NaN, or probabilities outside [0, 1].
    """
    labels, probabilities = _checked(label, probability)
    _require_both_classes(labels, "average_precision")
    return thresholds(labels, probabilities).average_precision()


def logloss(label: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean negative log likelihood of the labels, in nats.

    Probabilities are moved away from 0 and 1 by the float64 machine epsilon, so that one wrong
    certainty costs about 36 nats instead of infinity. A single class is allowed.

    Raises:
        ValueError: labels other than 0 and 1, NaN, or probabilities outside [0, 1].
    """
    labels, probabilities = _checked(label, probability)
    given = np.where(labels == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(given, np.finfo(float).eps)).mean())


def ece(label: ArrayLike, probability: ArrayLike, bins: int = 20) -> float:
    """Return the expected calibration error over bins of equal frequency.

    ``ECE = sum over bins b of (n_b / n) * |mean label in b - mean probability in b|``, with the
    bins of `calibration_table`, after Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated
    Probabilities Using Bayesian Binning" (2015). It lies in [0, 1]; 0 is best.

    Raises:
        ValueError: as `calibration_table`.
    """
    return calibration_error(calibration_table(label, probability, bins))


def calibration_error(table: pl.DataFrame) -> float:
    """Return the expected calibration error of a `calibration_table`."""
    gap = (table["observed_rate"] - table["mean_probability"]).abs()
    return float(np.average(gap.to_numpy(), weights=table["count"].to_numpy()))


def click_metrics(label: ArrayLike, probability: ArrayLike) -> dict[str, float]:
    """Return auc, logloss and ece (20 bins).

    Raises:
        ValueError: a single class, other labels, NaN, or probabilities outside [0, 1].
    """
    return {
        "auc": auc(label, probability),
        "logloss": logloss(label, probability),
        "ece": ece(label, probability),
    }


def calibration_table(label: ArrayLike, probability: ArrayLike, bins: int = 20) -> pl.DataFrame:
    """Compare predicted with observed click rates in bins of equal frequency.

    With r the number of rows of strictly lower probability, a row belongs to bin ``floor(r * bins
    / n)``. Equal probabilities therefore share a bin; bins left empty by ties have no row.

    Returns:
        bin (from 0), count, mean_probability, observed_rate, in ascending order of bin.

    Raises:
        ValueError: `bins` below 1, labels other than 0 and 1, NaN, or probabilities outside [0, 1].
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    labels, probabilities = _checked(label, probability)
    lower = np.searchsorted(np.sort(probabilities), probabilities, side="left")
    rows = pl.DataFrame(
        {"bin": lower * bins // lower.size, "label": labels, "probability": probabilities}
    )
    return (
        # Sorting fixes the order of summation, so that shuffled rows give the same last bit.
        rows.sort("probability", "label")
        .group_by("bin", maintain_order=True)
        .agg(
            count=pl.len(),
            mean_probability=pl.col("probability").mean(),
            observed_rate=pl.col("label").mean(),
        )
    )


def precision_recall_points(
    label: ArrayLike, probability: ArrayLike, max_points: int = 200
) -> pl.DataFrame:
    """Return points of the precision-recall curve, few enough to plot.

    Each point calls a click every row whose probability is at least the threshold. If the curve
    has more than `max_points` points, those nearest to evenly spaced recalls are kept, with both
    ends.

    Returns:
        threshold, precision, recall, in ascending order of threshold.

    Raises:
        ValueError: `max_points` below 2, a single class, other labels, NaN, or probabilities
            outside [0, 1].
    """
    if max_points < 2:
        raise ValueError(f"max_points must be at least 2, the ends of the curve, not {max_points}")
    labels, probabilities = _checked(label, probability)
    _require_both_classes(labels, "precision_recall_points")
    found = thresholds(labels, probabilities)
    curve = pl.DataFrame(
        {"threshold": found.score, "precision": found.precision, "recall": found.recall}
    ).reverse()
    return curve[_evenly_spread(curve["recall"].to_numpy(), max_points)]


def _evenly_spread(recall: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    if recall.size <= points:
        return np.arange(recall.size)
    wanted = np.linspace(recall[0], recall[-1], points)
    # The recall falls while the threshold rises; searchsorted needs ascending values.
    right = np.clip(np.searchsorted(-recall, -wanted), 1, recall.size - 1)
    nearer_left = np.abs(recall[right - 1] - wanted) <= np.abs(recall[right] - wanted)
    chosen = right - nearer_left
    chosen[0], chosen[-1] = 0, recall.size - 1
    return np.unique(chosen)


def _checked(
    label: ArrayLike, probability: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels, probabilities = checks.paired_vectors(label, probability, ("label", "probability"))
    other = labels[(labels != 0) & (labels != 1)]
    if other.size:
        raise ValueError(f"label has {other.size} values other than 0 and 1, such as {other[0]}")
    outside = probabilities[(probabilities < 0) | (probabilities > 1)]
    if outside.size:
        raise ValueError(
            f"probability has {outside.size} values outside [0, 1], such as {outside[0]}"
        )
    return labels, probabilities


def _require_both_classes(labels: NDArray[np.float64], metric: str) -> None:
    if labels.min() == labels.max():
        raise ValueError(
            f"{metric} is undefined: all {labels.size} labels are {labels[0]:.0f}; it needs clicks"
            " and non-clicks, so measure a larger sample"
        )
