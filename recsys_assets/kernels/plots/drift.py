"""Plots of drift: which columns have moved, and since when. Numbers go in, PNG bytes come out."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from recsys_assets.kernels.plots import canvas

LITTLE, MUCH = 0.1, 0.25
"""PSI below which little has changed, above which much has."""
SHOWN = 14
SERIES = 5


def drift_bars(psi: Mapping[str, float]) -> bytes:
    """Population stability index of the columns of one drop, the greatest on top."""
    ranked = sorted(psi.items(), key=lambda item: item[1])[-SHOWN:]
    values = canvas.numbers("PSI", [value for _, value in ranked], at_least=1)
    colours = [
        canvas.ORANGE if v > MUCH else canvas.SKY if v > LITTLE else canvas.BLUE for v in values
    ]
    figure, (ax,) = canvas.blank()
    bars = ax.barh(np.arange(len(ranked)), values, height=0.74, color=colours)
    ax.bar_label(bars, [f"{value:.3f}" for value in values], fontsize=8, padding=2)
    ax.set_yticks(np.arange(len(ranked)), [canvas.short(name) for name, _ in ranked], fontsize=8)
    ax.set_ylim(-0.6, max(len(ranked), 3) - 0.4)
    ax.axvline(MUCH, color=canvas.MUTED, linewidth=1, linestyle=canvas.DASHES[1])
    ax.margins(x=0.1)
    ax.tick_params(axis="y", length=0)
    canvas.label(ax, "population stability index", "column", grid="x")
    name, value = ranked[-1]
    return canvas.png(
        figure,
        f"Drift by column: {canvas.short(name)} has moved most ({value:.3f})",
        f"{len(ranked)} of {len(psi)} columns; up to {LITTLE} little has changed, "
        f"from {MUCH} on much",
    )


def drift_by_drop(psi: pl.DataFrame) -> bytes:
    """Population stability index over the drops, for the columns that moved most.

    Args:
        psi: columns drop_date, column, value.

    Raises:
        ValueError: fewer than two drops.
    """
    dates = psi["drop_date"].unique().sort()
    if len(dates) < 2:
        raise ValueError(f"drift by drop: at least 2 drops are needed, got {len(dates)}")
    most = psi.group_by("column").agg(pl.col("value").max()).sort("value", descending=True)
    figure, (ax,) = canvas.blank()
    for place, name in enumerate(most["column"].head(SERIES)):
        rows = psi.filter(column=name).sort("drop_date")
        # Of a drop from before the model there is no score: each point stands at its own drop.
        drops = dates.search_sorted(rows["drop_date"])
        colour, dash = canvas.series_style(place)
        ax.plot(
            drops, rows["value"], color=colour, linestyle=dash, marker="o", ms=3.5,
            label=canvas.short(name),
        )  # fmt: skip
    ax.axhline(MUCH, color=canvas.MUTED, linewidth=1, linestyle=canvas.DASHES[1])
    shown = np.unique(np.linspace(0, len(dates) - 1, 6).astype(int))
    ax.set_xticks(shown, [str(dates[int(i)]) for i in shown])
    ax.set_ylim(0, None)
    canvas.label(ax, "drop", "population stability index")
    canvas.legend(ax)
    return canvas.png(
        figure,
        f"Drift by drop, {dates[0]} to {dates[-1]}",
        f"the {min(SERIES, len(most))} columns that moved most; above {MUCH} much has changed",
    )
