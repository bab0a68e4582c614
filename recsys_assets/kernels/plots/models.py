"""Plots of models: how they learned, what they use, which one is better.

Numbers go in, PNG bytes come out.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_FEATURES = 20
"""What `feature_importance` shows."""


def learning_curve(
    iterations: ArrayLike, series: Mapping[str, ArrayLike], metric: str = "metric"
) -> bytes:
    """One metric along the iterations of training, one line per series.

    Args:
        iterations: iteration numbers, ascending.
        series: values of the metric per series (such as train and validation), one an iteration.
        metric: name of the metric, with its unit if it has one.

    Raises:
        ValueError: fewer than two iterations, or a value that is NaN or infinite.
    """
    steps = canvas.numbers("iterations", iterations)
    figure, (ax,) = canvas.blank()
    last = _draw_lines(ax, steps, series, "o" if steps.size <= 30 else None)
    ax.locator_params(axis="x", integer=True)
    canvas.label(ax, "iteration", canvas.short(metric, 32))
    return canvas.png(
        figure,
        f"Learning curve: {canvas.short(metric, 32)}",
        f"after iteration {steps[-1]:g}: {last}",
    )


def _draw_lines(
    ax: "Axes", places: NDArray[np.generic], series: Mapping[str, ArrayLike], marker: str | None
) -> str:
    """A line and a place in the legend for each series; the last values of all, in words."""
    last = []
    for i, (full_name, values) in enumerate(series.items()):
        name, points = canvas.short(full_name), canvas.numbers(full_name, values)
        colour, dash = canvas.series_style(i)
        ax.plot(places, points, color=colour, ls=dash, lw=1.9, marker=marker, ms=3.5, label=name)
        last.append(f"{name} {points[-1]:.4g}")
    canvas.legend(ax)
    return canvas.listed(last, 75)


def feature_importance(names: Sequence[str], sizes: ArrayLike, measure: str = "gain") -> bytes:
    """The features that count for most, as their share of what all features count for.

    Args:
        names: feature names.
        sizes: what each feature counts for, same length.
        measure: what that is: the gain (the loss its splits removed), or something else.

    Raises:
        ValueError: fewer than two features, or none that counts.
    """
    amount = canvas.amounts("feature sizes", sizes)
    order = np.argsort(-amount, kind="stable")[:MAX_FEATURES][::-1]
    share = amount / amount.sum()
    figure, (ax,) = canvas.blank()
    bars = ax.barh(np.arange(order.size), share[order], height=0.74, color=canvas.BLUE)
    size = 8.5 if order.size <= 14 else 7
    ax.bar_label(bars, [f"{s:.1%}" for s in share[order]], fontsize=size, padding=2)
    ax.set_yticks(np.arange(order.size), [canvas.short(names[i]) for i in order], fontsize=size)
    ax.set_ylim(-0.6, order.size - 0.4)
    ax.margins(x=0.1)
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=6)
    ax.xaxis.set_major_formatter(canvas.percent())
    canvas.label(ax, f"share of the total {measure}", "feature", grid="x")
    best = order[-1]
    return canvas.png(
        figure,
        f"Feature importance: {canvas.short(names[best])} gives {share[best]:.0%} of the {measure}",
        f"top {order.size} of {share.size} features, together {share[order].sum():.0%} of the "
        f"{measure}",
    )


def metric_over_time(days: Sequence[date], series: Mapping[str, ArrayLike], metric: str) -> bytes:
    """One metric of several models over the rounds of a backtest.

    Args:
        days: first test day of each round, ascending.
        series: values of the metric per model, one a round.
        metric: its name.

    Raises:
        ValueError: fewer than two rounds, or a value that is NaN or infinite.
    """
    if len(days) < 2:
        raise ValueError(f"metric over time: at least 2 ascending days are needed, got {len(days)}")
    figure, (ax,) = canvas.blank()
    last = _draw_lines(ax, np.asarray(days, "datetime64[D]"), series, "o")
    canvas.mark_dates(ax, at_least=2)
    canvas.label(ax, "first test day", canvas.short(metric, 32))
    return canvas.png(
        figure,
        f"{canvas.short(metric, 32)} over {len(days)} rounds of the backtest",
        f"in the round from {days[-1]}: {last}",
    )


def metric_bars(models: Mapping[str, Mapping[str, float]]) -> bytes:
    """Models side by side: one panel per metric on its own scale, one bar per model.

    Args:
        models: metric values per model; a metric that a model lacks, or has as NaN, shows "n/a".

    Raises:
        ValueError: nothing or a single value to compare.
    """
    metrics = list(dict.fromkeys(metric for values in models.values() for metric in values))
    total = sum(len(values) for values in models.values())
    if total < 2:
        raise ValueError(f"metric bars: at least 2 values are compared, got {total}")
    rows = 1 if len(metrics) <= 4 else 2
    columns = -(-len(metrics) // rows)
    figure, axes = canvas.blank(rows, columns)
    for i, ax in enumerate(axes):
        if i < len(metrics):
            values = [models[m].get(metrics[i], np.nan) for m in models]
            _draw_panel(ax, metrics[i], list(models) if i % columns == 0 else None, values)
        else:
            ax.set_axis_off()
    who = canvas.listed([canvas.short(model, 20) for model in models])
    return canvas.png(
        figure,
        f"Models compared: {who}" if len(models) > 1 else f"Metrics of {who}",
        f"{canvas.listed(metrics)}; each panel has its own scale",
    )


def _draw_panel(ax: "Axes", metric: str, models: list[str] | None, values: list[float]) -> None:
    """One metric: a bar and its value per model, first model on top."""
    present = canvas.numbers(metric, [v for v in values if not np.isnan(v)], at_least=1)
    place = np.arange(len(values))
    colours = [canvas.series_style(i)[0] for i in range(len(values))]
    size = 8.5 if place.size <= 5 else 7
    bars = ax.barh(place, np.nan_to_num(values), height=0.7, color=colours)
    digits = _digits(float(np.abs(present).max()))
    texts = ["n/a" if np.isnan(v) else f"{v:,.{digits}f}" for v in values]
    ax.bar_label(bars, texts, fontsize=size, color=canvas.INK, padding=3)
    # Room for three bars at least: a single one would fill the panel.
    spare = max(0, 3 - place.size) / 2
    ax.set_ylim(place.size - 0.4 + spare, -0.6 - spare)
    names = [canvas.short(m, 20) for m in models] if models else [""] * place.size
    ax.set_yticks(place, names, fontsize=size)
    ax.tick_params(axis="both", length=0)
    low, high = min(0.0, present.min()), max(0.0, present.max())
    # The value stands outside the bar, on the last part of the panel.
    ax.set_xlim(1.6 * low, 1.6 * high if high > low else 1.0)
    # Every bar carries its value, so that the axis needs no figures of its own.
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_title(canvas.short(metric, 22), loc="left", fontsize=9, color=canvas.MUTED)


def _digits(largest: float) -> int:
    """Decimals that show four significant digits of the largest value, at most six."""
    return int(np.clip(3 - np.floor(np.log10(largest or 1.0)), 0, 6))
