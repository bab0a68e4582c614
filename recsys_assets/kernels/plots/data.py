"""Plots of the data: what was rated, how unevenly, and when. Numbers go in, PNG bytes come out."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.plots import canvas

Period = Literal["day", "week", "month"]

BAR_DAYS: dict[Period, float] = {"day": 0.85, "week": 6.0, "month": 30.0}
"""Width of the bar of one period, in days; months touch, as gaps of a pixel would flicker."""


def rating_histogram(values: ArrayLike, counts: ArrayLike) -> bytes:
    """How many ratings each rating value has.

    Args:
        values: the rating values in stars, such as 0.5, 1.0 ... 5.0; in any order, each once.
        counts: the number of ratings of each value, same length.

    Raises:
        ValueError: fewer than two values, or no rating.
    """
    values = canvas.numbers("rating values", values)
    counts = canvas.amounts("rating counts", counts)
    figure, (ax,) = canvas.blank()
    share = counts / counts.sum()
    bars = ax.bar(values, counts, width=0.8 * np.diff(np.sort(values)).min(), color=canvas.BLUE)
    texts = [
        f"{s:.0%}" if s >= 0.005 or c == 0 else "<1%" for s, c in zip(share, counts, strict=True)
    ]
    ax.bar_label(bars, texts, fontsize=8.5, color=canvas.MUTED, padding=2)
    ax.set_xticks(values, [f"{v:g}" for v in values])
    ax.yaxis.set_major_formatter(canvas.thousands())
    canvas.label(ax, "rating (stars)", "number of ratings")
    mean = float(np.average(values, weights=counts))
    top = int(counts.argmax())
    return canvas.png(
        figure,
        f"Ratings by value: {values[top]:g} stars is the most common",
        f"{counts.sum():,.0f} ratings, mean {mean:.2f} stars, {share[top]:.0%} at {values[top]:g}",
    )


def top_share(counts: ArrayLike) -> float:
    """Share of all ratings that the most rated fifth of the items hold, in 0..1.

    `counts` are the ratings per item, descending; the number of top items is that of `top_items`.
    """
    counts = np.asarray(counts, dtype=np.float64)
    return float(counts[: top_items(counts.size)].sum() / counts.sum())


def top_items(items: int) -> int:
    """How many items are the top fifth: rounded up, so that it is never zero."""
    return -(-items // 5)


def long_tail(counts: ArrayLike) -> bytes:
    """Ratings per movie on a logarithmic scale, most rated first; the top 20% are marked.

    Args:
        counts: ratings per movie, descending; those without a rating may be there as zeros.

    Raises:
        ValueError: fewer than two movies, or no rating.
    """
    counts = canvas.amounts("ratings per movie", counts)
    share = top_share(counts)
    figure, (ax,) = canvas.blank()
    border = top_items(counts.size)
    for start, end, colour in ((0, border, canvas.BLUE), (border, counts.size, canvas.SKY)):
        # More steps than pixels change nothing that can be seen, but cost time on long tails.
        edges = np.unique(np.linspace(start, end, 800).astype(int))
        ax.stairs(counts[edges[:-1]], edges, baseline=0.5, fill=True, color=colour)
    ax.set_yscale("log")
    ax.set_ylim(0.5, counts[0] * 1.6)
    ax.set_xlim(0, counts.size)
    ax.axvline(border, color=canvas.INK, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.annotate(
        f"top 20% of movies:\n{share:.0%} of the ratings",
        xy=(border, counts[0]),
        xytext=(7, 0),
        textcoords="offset points",
        va="top",
        fontsize=9.5,
        color=canvas.INK,
    )
    ax.yaxis.set_major_formatter(canvas.thousands())
    ax.yaxis.set_minor_formatter("")
    ax.xaxis.set_major_formatter(canvas.thousands())
    canvas.label(ax, "movies, most rated first (rank)", "ratings per movie (log scale)")
    return canvas.png(
        figure,
        f"Long tail: 20% of the movies hold {share:.0%} of the ratings",
        f"{counts.sum():,.0f} ratings of {counts.size:,} movies, "
        f"median {np.median(counts):,.0f} per movie, most {counts[0]:,.0f}",
    )


def activity_by_day(dates: Sequence[date], counts: ArrayLike) -> bytes:
    """Ratings over time: bars per day, or per week or month where days would be too thin to see.

    Args:
        dates: the days, each once, in any order; a missing day inside the range had no rating.
        counts: ratings of each day, same length.

    Raises:
        ValueError: fewer than two days, or no rating.
    """
    counts = canvas.amounts("ratings per day", counts)
    days, daily = _fill_days(dates, counts)
    period = _period(daily.size)
    starts, totals = _totals(days, daily, period)
    figure, (ax,) = canvas.blank()
    smooth = period == "day" and daily.size >= 21
    colour = canvas.SKY if smooth else canvas.BLUE
    ax.bar(
        starts, totals, BAR_DAYS[period], color=colour, align="edge", label=f"ratings per {period}"
    )
    if smooth:
        mean = np.convolve(daily, np.full(7, 1 / 7), mode="valid")
        middle = days[6:] + np.timedelta64(12, "h")
        ax.plot(middle, mean, color=canvas.INK, linewidth=1.6, label="mean of the last 7 days")
        ax.set_ylim(0, daily.max() * 1.2)
        canvas.legend(ax, "upper left", columns=2)
    canvas.mark_dates(ax, at_least=3)
    ax.xaxis.get_offset_text().set_fontsize(8.5)
    ax.yaxis.set_major_formatter(canvas.thousands())
    canvas.label(ax, f"date ({period})", f"ratings per {period}")
    return canvas.png(
        figure,
        f"Ratings per {period}, {days[0]} to {days[-1]}",
        f"{daily.sum():,.0f} ratings in {daily.size:,} days, median {np.median(daily):,.0f} a day, "
        f"peak {daily.max():,.0f} on {days[int(daily.argmax())]}",
    )


def _period(days: int) -> Period:
    """The shortest period whose bars stay wide enough to see."""
    if days <= 130:
        return "day"
    return "week" if days <= 900 else "month"


def _totals(
    days: NDArray[np.datetime64], daily: NDArray[np.float64], period: Period
) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """First day and sum of every period; weeks start on Monday."""
    if period == "week":
        # Day 0 of the calendar, 1970-01-01, was a Thursday.
        start = days - (days.astype(int) + 3) % 7
    else:
        start = days.astype("datetime64[M]" if period == "month" else "datetime64[D]")
    unique, place = np.unique(start.astype("datetime64[D]"), return_inverse=True)
    return unique, np.bincount(place, weights=daily).astype(np.float64)


def _fill_days(
    dates: Sequence[date], counts: NDArray[np.float64]
) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Every day from the first to the last, with zero where nothing happened."""
    given = np.asarray(dates, dtype="datetime64[D]")
    days = np.arange(given.min(), given.max() + 1)
    daily = np.zeros(days.size)
    daily[(given - days[0]).astype(int)] = counts
    return days, daily
