"""Plots of scores: how well they rank, how honest they are as probabilities, how they are spread.

Numbers go in, PNG bytes come out.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.plots import canvas

Histogram = tuple[ArrayLike, ArrayLike]
"""Counts and bin edges (one more edge than counts), as `numpy.histogram` returns them."""

BINS = 40
"""Bins of `score_distribution`, over the range of all scores."""


def average_precision(points: pl.DataFrame) -> float:
    """Average precision, the sum of precision x step in recall: AP = sum (R_n - R_n-1) P_n.

    The definition of `sklearn.metrics.average_precision_score`; `points` has the columns `recall`
    and `precision`, in any order of rows.
    """
    ordered = points.sort(["recall", "precision"], descending=[False, True])
    recall, precision = ordered["recall"].to_numpy(), ordered["precision"].to_numpy()
    return float(np.diff(recall, prepend=0.0) @ precision)


def precision_recall_curve(
    points: pl.DataFrame, base_rate: float, area: float | None = None
) -> bytes:
    """Precision against recall, with the precision of a random ranking as the reference.

    Args:
        points: columns `recall` and `precision`, both in 0..1, one row per threshold.
        base_rate: share of positives in the data, in 0..1.
        area: average precision of all thresholds, if `points` are a selection; by default that
            of the points.

    Raises:
        ValueError: fewer than two points, or a value outside 0..1.
    """
    for column in ("recall", "precision"):
        _check_shares(column, points[column])
    if not 0 <= base_rate <= 1:
        raise ValueError(f"base rate: {base_rate} is not a share in 0..1")
    ordered = points.sort(["recall", "precision"], descending=[False, True])
    figure, (ax,) = canvas.blank()
    # The curve begins at recall 0, with the precision of the highest threshold.
    recall = np.append(0.0, ordered["recall"].to_numpy())
    precision = np.append(ordered["precision"][0], ordered["precision"].to_numpy())
    ax.fill_between(recall, precision, step="pre", color=canvas.BLUE, alpha=0.12, linewidth=0)
    ax.step(recall, precision, where="pre", color=canvas.BLUE, linewidth=2, label="model")
    ax.axhline(
        base_rate,
        color=canvas.ORANGE,
        linewidth=1.5,
        linestyle=canvas.DASHES[1],
        label=f"random ranking ({base_rate:.3f})",
    )
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    canvas.label(ax, "recall (share of positives found)", "precision", grid="both")
    canvas.legend(ax, "upper right")
    area = average_precision(points) if area is None else area
    return canvas.png(
        figure,
        f"Precision against recall: average precision {area:.3f}",
        f"a random ranking would reach {base_rate:.3f}, the share of positives",
    )


def _check_shares(name: str, column: pl.Series) -> NDArray[np.float64]:
    """The column as a vector of shares in 0..1, or a ValueError."""
    values = canvas.numbers(name, column.cast(pl.Float64).to_numpy())
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"{name}: {values.min():g} to {values.max():g} is outside 0..1")
    return values


def calibration_error(table: pl.DataFrame) -> float:
    """Expected calibration error: mean |predicted - observed| over the bins, weighted by count.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015. `table` as in `calibration_curve`.
    """
    gap = np.abs(table["mean_probability"].to_numpy() - table["observed_rate"].to_numpy())
    return float(np.average(gap, weights=table["count"].to_numpy()))


def calibration_curve(table: pl.DataFrame) -> bytes:
    """Observed rate against predicted probability, per bin; larger points have more rows.

    Args:
        table: one row per bin, columns `mean_probability`, `observed_rate` (in 0..1) and `count`.

    Raises:
        ValueError: fewer than two bins, or a rate outside 0..1.
    """
    table = table.sort("mean_probability")
    predicted = _check_shares("mean_probability", table["mean_probability"])
    observed = _check_shares("observed_rate", table["observed_rate"])
    count = canvas.amounts("count", table["count"].cast(pl.Float64).to_numpy())
    limit = min(1.0, 1.08 * float(max(predicted.max(), observed.max(), 1e-6)))
    figure, (ax,) = canvas.blank()
    ax.axline(
        (0, 0),
        slope=1,
        color=canvas.MUTED,
        linewidth=1.2,
        linestyle=canvas.DASHES[1],
        label="perfect calibration",
    )
    ax.plot(predicted, observed, color=canvas.BLUE, linewidth=1.4, alpha=0.6)
    area = 12 + 130 * count / count.max()
    ax.scatter(predicted, observed, s=area, color=canvas.BLUE, alpha=0.85, linewidth=0)
    ax.scatter([], [], s=45, color=canvas.BLUE, linewidth=0, label="bin (larger: more rows)")
    ax.set(xlim=(0, limit), ylim=(0, limit))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    canvas.label(ax, "predicted probability (mean of bin)", "observed rate", grid="both")
    canvas.legend(ax, "upper left")
    mean = (np.average(predicted, weights=count), np.average(observed, weights=count))
    return canvas.png(
        figure,
        f"Calibration: expected error {calibration_error(table):.4f}",
        f"{count.sum():,.0f} rows in {count.size} bins; mean predicted {mean[0]:.4f}, "
        f"observed {mean[1]:.4f}",
    )


def score_distribution(
    scores: Mapping[str, NDArray[np.floating] | Histogram], score: str = "score"
) -> bytes:
    """How the scores of one or more groups (labels, models, days) are spread.

    Args:
        scores: per group either the scores themselves or a histogram; all histograms share edges.
        score: what a score is, for the axis.

    Raises:
        ValueError: no group, a group of fewer than two scores, or different edges.
    """
    histograms = _histograms(scores)
    figure, (ax,) = canvas.blank()
    for i, (name, (counts, edges)) in enumerate(histograms.items()):
        share, (colour, dash) = counts / counts.sum(), canvas.series_style(i)
        text = f"{canvas.short(name)} ({counts.sum():,.0f})"
        ax.stairs(share, edges, fill=True, color=colour, alpha=0.16)
        ax.stairs(share, edges, color=colour, linewidth=1.7, linestyle=dash, label=text)
    ax.yaxis.set_major_formatter(canvas.percent())
    ax.margins(x=0.01)
    canvas.label(ax, canvas.short(score, 40), "share of the group per bin")
    canvas.legend(ax)
    groups = [canvas.short(name) for name in histograms]
    bins = len(next(iter(histograms.values()))[0])
    return canvas.png(
        figure,
        f"Distribution of {canvas.short(score, 40)}",
        f"{canvas.listed(groups, 60)}; {bins} bins, each group adds up to 100%",
    )


def _histograms(
    scores: Mapping[str, NDArray[np.floating] | Histogram],
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Every group as counts over the same bin edges."""
    if not scores:
        raise ValueError("score distribution: no group to draw")
    raw = {n: canvas.numbers(n, s) for n, s in scores.items() if not isinstance(s, tuple)}
    given = {
        n: (canvas.amounts(n, s[0]), canvas.numbers(f"edges of {n}", s[1], 3))
        for n, s in scores.items()
        if isinstance(s, tuple)
    }
    if given:
        edges = next(iter(given.values()))[1]
    else:
        ends = [end for s in raw.values() for end in (s.min(), s.max())]
        edges = np.histogram_bin_edges(ends, BINS)
    for name, (counts, own) in given.items():
        if own.size != counts.size + 1 or not np.array_equal(own, edges):
            raise ValueError(f"{name}: every histogram needs the same edges, one more than counts")
    for name, values in raw.items():
        if values.min() < edges[0] or values.max() > edges[-1]:
            raise ValueError(f"{name}: scores outside the edges {edges[0]:g} to {edges[-1]:g}")
    drawn = {n: (np.histogram(s, edges)[0].astype(np.float64), edges) for n, s in raw.items()}
    return {name: (given | drawn)[name] for name in scores}
