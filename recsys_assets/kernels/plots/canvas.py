"""The shared look of every plot: an empty canvas goes out, PNG bytes come back.

Everything goes through matplotlib's object API (`Figure` and the Agg canvas). The `pyplot` module
and `rcParams` are process-wide state, which two assets drawn in two threads would share; here each
figure owns its style, so drawing is safe in threads, needs no display, and the same numbers always
give the same bytes. matplotlib is imported where something is drawn: it takes half a second, which
every process of Dagster's would pay, most to draw nothing.

The colours are the palette of Okabe and Ito (2008), recommended for colour-blind readers by Wong,
"Points of view: Color blindness", Nature Methods 8 (2011); lines also differ in their dash.
"""

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

WIDTH, HEIGHT = 640, 360
"""Size of every plot in pixels."""

DPI = 100

COLOURS = 128
"""Colours of the palette in the file."""

BLUE, ORANGE, GREEN, PINK, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, "#E69F00")
"""Colours of the series of one plot, in the order of drawing; they repeat after the last."""

Dash = str | tuple[float, tuple[float, ...]]

DASHES: tuple[Dash, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
"""Dashes of the series; four dashes and six colours repeat together only after twelve series."""

INK, MUTED, GRID = "#222222", "#5F6670", "#E3E6EA"
HEADER = 0.15
"""Share of the height that the title and the line under it take."""
_EDGE = 0.015
"""Share of the width that stays free on either side of them."""


def blank(rows: int = 1, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """An empty figure in the shared style, with `rows` x `columns` axes, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    figure.set_layout_engine("constrained", rect=(0.005, 0.005, 0.985, 0.985 - HEADER))
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color("#9AA1AB")
        ax.tick_params(colors="#9AA1AB", labelcolor=INK, labelsize=8.5, length=3)
        ax.set_axisbelow(True)
    return figure, axes


def series_style(place: int) -> tuple[str, Dash]:
    """Colour and dash of the series that is drawn at this place, counted from zero."""
    return SERIES[place % len(SERIES)], DASHES[place % len(DASHES)]


def label(ax: "Axes", x: str, y: str, grid: Literal["x", "y", "both"] = "y") -> None:
    """Name both axes and draw the grid of one of them, or of both."""
    ax.set_xlabel(x, fontsize=9, color=MUTED)
    ax.set_ylabel(y, fontsize=9, color=MUTED)
    ax.grid(axis=grid, color=GRID, linewidth=0.8)


def legend(
    ax: "Axes", place: Literal["best", "upper left", "upper right"] = "best", columns: int = 1
) -> None:
    """A legend of the labelled series, filled areas first; a line below it shines through."""
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(handles)), key=lambda i: isinstance(handles[i], Line2D))
    ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc=place,
        ncols=columns,
        framealpha=0.8,
        edgecolor="none",
        fontsize=8.5,
        labelcolor=INK,
    )


def png(figure: "Figure", title: str, detail: str) -> bytes:
    """The finished figure as PNG bytes; the title says what is seen, the detail its figures.

    Both also travel in the file (PNG text `Title` and `Description`), for readers who cannot see.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    lines = (
        figure.text(_EDGE, 0.972, title, va="top", fontsize=11, fontweight="bold", color=INK),
        figure.text(_EDGE, 0.902, detail, va="top", fontsize=9, color=MUTED),
    )
    for text in figure.findobj(Text):
        # A feature named `a$b$` is a name, not a formula.
        text.set_parse_math(False)
    agg = FigureCanvasAgg(figure)
    for line in lines:
        # What is too long for the picture is written smaller: it would be cut off.
        while line.get_window_extent(agg.get_renderer()).x1 > (1 - _EDGE) * WIDTH:
            line.set_fontsize(float(line.get_fontsize()) - 0.5)
    agg.draw()
    pixels = Image.fromarray(np.asarray(agg.buffer_rgba())).convert("RGB")
    information = PngInfo()
    for key, value in {"Title": title, "Description": detail}.items():
        information.add_itxt(key, value)
    buffer = io.BytesIO()
    # A palette is a third of the bytes of true colour, and a plot has few colours.
    paletted = pixels.quantize(COLOURS, dither=Image.Dither.NONE)
    paletted.save(buffer, format="png", optimize=True, dpi=(DPI, DPI), pnginfo=information)
    return buffer.getvalue()


def short(name: str, width: int = 26) -> str:
    """The name, cut in the middle when it would push the axes away."""
    name = " ".join(name.split())
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[:half]}…{name[-half:]}"


def listed(names: Sequence[str], width: int = 60) -> str:
    """Names as one short list for a title or a detail line."""
    return textwrap.shorten(", ".join(names), width, placeholder=" …")


def mark_dates(ax: "Axes", at_least: int) -> None:
    """At least two or three and at most nine dates along the x axis, as short as can be."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=at_least, maxticks=9)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def thousands() -> "Formatter":
    """Tick labels such as 500, 20k and 1.5M; plain text, on linear and logarithmic axes alike."""
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")


def percent() -> Callable[[float, float], str]:
    """Tick labels for shares in 0..1, written as percentages without idle decimals."""
    return lambda share, _: f"{100 * share:.3g}%"


def numbers(name: str, values: ArrayLike, at_least: int = 2) -> NDArray[np.float64]:
    """The values as a float vector, checked.

    Raises:
        ValueError: fewer than `at_least` values, or a NaN or infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size < at_least:
        raise ValueError(f"{name}: a plot needs at least {at_least} points, got {array.size}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}: {array[bad[0]]} at position {bad[0]} is not a finite number")
    return array


def amounts(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Like `numbers`, for counts and gains: not all of them zero."""
    array = numbers(name, values)
    if not array.any():
        raise ValueError(f"{name}: every value is zero, there is nothing to draw")
    return array
