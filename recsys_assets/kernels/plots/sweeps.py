"""Plots of a search for parameters: how it went, and what matters. PNG bytes come out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recsys_assets.kernels.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 6


def search_history(
    values: Sequence[float], metric: str, maximize: bool, of_defaults: float
) -> bytes:
    """The figure of every trial in turn, and the best so far.

    Args:
        values: figure of each trial, NaN where it was pruned.
        metric: its name.
        maximize: whether more is better.
        of_defaults: figure of the defaults, whichever trial they were.

    Raises:
        ValueError: fewer than two trials ended.
    """
    figures = np.asarray(values, np.float64)
    seen = np.flatnonzero(~np.isnan(figures))
    if seen.size < 2:
        raise ValueError(f"search: at least 2 ended trials are needed, got {seen.size}")
    better = np.maximum if maximize else np.minimum
    best = better.accumulate(figures[seen])
    figure, (ax,) = canvas.blank()
    ax.scatter(seen, figures[seen], s=18, color=canvas.SKY, label="trial")
    ax.step(seen, best, where="post", color=canvas.BLUE, linewidth=1.8, label="best so far")
    pruned = np.flatnonzero(np.isnan(figures))
    if pruned.size:
        # They have no figure, and were given up for being bad: they are marked on the bad side.
        worst = float((np.nanmin if maximize else np.nanmax)(figures))
        at = np.full(pruned.size, worst)
        ax.scatter(pruned, at, s=14, marker="x", color=canvas.ORANGE, label="pruned")
    canvas.label(ax, "trial", canvas.short(metric))
    canvas.legend(ax)
    return canvas.png(
        figure,
        f"Search: best {canvas.short(metric)} {best[-1]:.5g}",
        f"{len(figures)} trials, {pruned.size} pruned; the defaults reached {of_defaults:.5g}",
    )


def parameter_panels(
    params: Mapping[str, Sequence[float]], values: Sequence[float], metric: str
) -> bytes:
    """The figure of every ended trial against each of its parameters, a panel each.

    Raises:
        ValueError: fewer than two trials.
    """
    shown = list(params)[:PANELS]
    figures = canvas.numbers(metric, values)
    columns = min(3, len(shown))
    figure, axes = canvas.blank(-(-len(shown) // columns), columns)
    for place, ax in enumerate(axes):
        if place >= len(shown):
            ax.set_axis_off()
            continue
        name = shown[place]
        points = canvas.numbers(name, params[name])
        ax.scatter(points, figures, s=12, color=canvas.BLUE, alpha=0.8)
        if points.min() > 0 and points.max() / points.min() > 20:
            _spread_by_factors(ax)
        canvas.label(ax, canvas.short(name), canvas.short(metric, 14) if not place else "")
    return canvas.png(
        figure,
        f"{canvas.short(metric)} by parameter",
        f"{figures.size} ended trials; {canvas.listed(shown)}",
    )


def _spread_by_factors(ax: "Axes") -> None:
    """Make the x axis logarithmic, its figures plain: the usual ones are formulas."""
    from matplotlib.ticker import LogLocator

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
