"""Plots of scores: how well they rank, how honest they are as probabilities, how they are spread.

Numbers go in, PNG bytes come out.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.metrics.classification import calibration_error
from recsys_assets.kernels.plots import canvas

BINS = 40
"""Bins of `score_distribution`, over the range of all scores."""


def precision_recall_curve(points: pl.DataFrame, base_rate: float, average: float) -> bytes:
    """Precision against recall, with the precision of a random ranking as the reference.

    Args:
        points: columns `recall` and `precision`, both in 0..1, one row per threshold that is drawn.
        base_rate: share of positives in the data, in 0..1.
        average: average precision over all thresholds, which the few drawn do not tell.

    Raises:
        ValueError: fewer than two points.
    """
    canvas.numbers("recall", points["recall"])
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
    return canvas.png(
        figure,
        f"Precision against recall: average precision {average:.3f}",
        f"a random ranking would reach {base_rate:.3f}, the share of positives",
    )


def calibration_curve(table: pl.DataFrame) -> bytes:
    """Observed rate against predicted probability, per bin; larger points have more rows.

    Args:
        table: one row per bin, columns `mean_probability`, `observed_rate` (in 0..1) and `count`.

    Raises:
        ValueError: fewer than two bins.
    """
    table = table.sort("mean_probability")
    predicted, observed, count = (
        canvas.numbers(name, table[name]) for name in ("mean_probability", "observed_rate", "count")
    )
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
    ax.locator_params(nbins=6)
    canvas.label(ax, "predicted probability (mean of bin)", "observed rate", grid="both")
    canvas.legend(ax, "upper left")
    mean = (np.average(predicted, weights=count), np.average(observed, weights=count))
    return canvas.png(
        figure,
        f"Calibration: expected error {calibration_error(table):.4f}",
        f"{count.sum():,.0f} rows in {count.size} bins; mean predicted {mean[0]:.4f}, "
        f"observed {mean[1]:.4f}",
    )


def score_distribution(scores: Mapping[str, NDArray[np.floating]], score: str = "score") -> bytes:
    """How the scores of one or more groups (labels, models, days) are spread.

    Args:
        scores: those of each group; all are put into bins of the same edges.
        score: what a score is, for the axis.

    Raises:
        ValueError: a group of fewer than two scores.
    """
    groups = {name: canvas.numbers(name, values) for name, values in scores.items()}
    ends = [end for values in groups.values() for end in (values.min(), values.max())]
    edges = np.histogram_bin_edges(ends, BINS)
    figure, (ax,) = canvas.blank()
    for i, (name, values) in enumerate(groups.items()):
        counts = np.histogram(values, edges)[0]
        share, (colour, dash) = counts / counts.sum(), canvas.series_style(i)
        text = f"{canvas.short(name)} ({counts.sum():,.0f})"
        ax.stairs(share, edges, fill=True, color=colour, alpha=0.16)
        ax.stairs(share, edges, color=colour, linewidth=1.7, linestyle=dash, label=text)
    ax.yaxis.set_major_formatter(canvas.percent())
    ax.margins(x=0.01)
    canvas.label(ax, canvas.short(score, 40), "share of the group per bin")
    canvas.legend(ax)
    names = canvas.listed([canvas.short(name) for name in groups])
    return canvas.png(
        figure,
        f"Distribution of {canvas.short(score, 40)}",
        f"{names}; {BINS} bins, each group adds up to 100%",
    )
