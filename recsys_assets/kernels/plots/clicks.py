"""Plots of click models: how they rank, what the best rows hold, what moves a prediction.

Numbers go in, PNG bytes come out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.metrics.thresholds import thresholds
from recsys_assets.kernels.plots import canvas

POINTS = 400
"""Points of a curve: more than can be seen."""

MAX_FEATURES = 12
"""What `shap_summary` shows."""


def roc_curve(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> bytes:
    """True against false positives over all thresholds, one line per model.

    Args:
        label: 0 or 1 of each row, both present.
        scores: model → score of each row.

    Raises:
        ValueError: no model, or one label only.
    """
    labels = _labels(label)
    if not scores:
        raise ValueError("ROC curve: no model to draw")
    figure, (ax,) = canvas.blank()
    areas = []
    for place, (name, values) in enumerate(scores.items()):
        found = thresholds(labels, canvas.numbers(name, values))
        area = found.area_under_roc()
        false, true = np.append(0, found.fall_out), np.append(0, found.recall)
        kept = np.unique(np.linspace(0, len(false) - 1, POINTS).astype(int))
        colour, dash = canvas.series_style(place)
        text = f"{canvas.short(name)} ({area:.4f})"
        ax.plot(false[kept], true[kept], color=colour, linestyle=dash, linewidth=1.7, label=text)
        areas.append(area)
    ax.plot([0, 1], [0, 1], color=canvas.MUTED, linewidth=1, linestyle=canvas.DASHES[2])
    ax.set(xlim=(0, 1), ylim=(0, 1.01))
    canvas.label(ax, "share of non-clicks above the threshold", "share of clicks", grid="both")
    canvas.legend(ax)
    return canvas.png(
        figure,
        f"ROC: best area under the curve {max(areas):.4f}",
        f"{labels.size:,} rows, {int(labels.sum()):,} clicks; a random ranking reaches 0.5",
    )


def lift_curve(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> bytes:
    """Click rate of the best-scored share of rows against that of all rows, one line per model.

    Args:
        label: 0 or 1 of each row, both present.
        scores: model → score of each row.

    Raises:
        ValueError: no model, or one label only.
    """
    labels = _labels(label)
    if not scores:
        raise ValueError("lift curve: no model to draw")
    figure, (ax,) = canvas.blank()
    shares = np.linspace(0.01, 1, 100)
    ends = np.maximum((shares * labels.size).astype(int), 1)
    best = 0.0
    for place, (name, values) in enumerate(scores.items()):
        score = canvas.numbers(name, values)
        # Among equal scores a row counts as the mean of them, whatever the order of the file.
        _, group = np.unique(-score, return_inverse=True)
        rate = (np.bincount(group, labels) / np.bincount(group))[np.sort(group)]
        lift = np.cumsum(rate)[ends - 1] / ends / labels.mean()
        colour, dash = canvas.series_style(place)
        ax.plot(shares, lift, color=colour, linestyle=dash, linewidth=1.7, label=canvas.short(name))
        best = max(best, float(lift[9]))
    ax.axhline(1.0, color=canvas.MUTED, linewidth=1, linestyle=canvas.DASHES[2])
    ax.xaxis.set_major_formatter(canvas.percent())
    ax.set(xlim=(0, 1), ylim=(0, None))
    canvas.label(ax, "share of the rows, best first", "lift (click rate / overall rate)")
    canvas.legend(ax, "upper right")
    return canvas.png(
        figure,
        f"Lift: the best tenth is clicked {best:.2f} times as often",
        f"{labels.size:,} rows; overall click rate {labels.mean():.4f}",
    )


def shap_summary(
    names: Sequence[str], parts: NDArray[np.float64], values: NDArray[np.floating]
) -> bytes:
    """What the strongest features add to the log odds: a dot a row, dark where the value is high.

    The strongest are those that add the most, by its mean size.

    Args:
        names: features.
        parts: rows x features, what each adds to the log odds.
        values: rows x features, the feature's value, NaN where it is missing.

    Raises:
        ValueError: fewer than two rows.
    """
    if len(parts) < 2:
        raise ValueError("SHAP summary: at least 2 rows are needed")
    size = np.abs(parts).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:MAX_FEATURES][::-1]
    figure, (ax,) = canvas.blank()
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, len(parts))
    for place, feature in enumerate(order):
        value = values[:, feature]
        rank = np.full(len(value), 0.5)
        seen = ~np.isnan(value)
        if seen.sum() > 1:
            rank[seen] = np.searchsorted(np.sort(value[seen]), value[seen]) / seen.sum()
        ax.scatter(
            parts[:, feature], place + jitter, c=rank, s=3, cmap="cividis_r", linewidth=0, alpha=0.7
        )
    ax.axvline(0, color=canvas.MUTED, linewidth=1)
    ax.set_yticks(range(len(order)), [canvas.short(names[i]) for i in order], fontsize=8)
    ax.tick_params(axis="y", length=0)
    canvas.label(ax, "added to the log odds of a click (dark: high value)", "feature", grid="x")
    strongest = order[-1]
    return canvas.png(
        figure,
        f"What moves a prediction: {canvas.short(names[strongest])} most",
        f"SHAP values of {len(parts):,} rows; mean size {size[strongest]:.3f}; "
        f"top {len(order)} of {len(names)} features",
    )


def _labels(label: ArrayLike) -> NDArray[np.float64]:
    labels = canvas.numbers("labels", label)
    if labels.min() == labels.max():
        raise ValueError("all labels are the same: clicks and non-clicks are needed")
    return labels
