"""Plots: real PNG files, the right shapes in the right places, and clear errors."""

import functools
import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends import backend_agg
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import precision_recall_curve as sklearn_curve

from recsys_assets.kernels import plots
from recsys_assets.kernels.metrics.classification import calibration_table
from recsys_assets.kernels.plots import canvas
from recsys_assets.kernels.plots.clicks import lift_curve, roc_curve, shap_summary
from recsys_assets.kernels.plots.data import _totals, top_items, top_share
from recsys_assets.kernels.plots.drift import drift_bars, drift_by_drop
from recsys_assets.kernels.plots.sweeps import parameter_panels, search_history

RNG = np.random.default_rng(7)
STARS = np.arange(0.5, 5.5, 0.5)
STAR_COUNTS = RNG.integers(1_000_000, 9_000_000, STARS.size)
TAIL = np.sort(RNG.zipf(1.6, 5000).clip(max=80_000))[::-1]
DAYS = [date(2024, 1, 1) + timedelta(days=i) for i in range(1200)]
EVENTS = RNG.poisson(900, len(DAYS))
LABELS = RNG.random(4000) < 0.22
SCORES = 1 / (1 + np.exp(-RNG.normal(-1.6 + 1.4 * LABELS, 1.0)))
PRECISION, RECALL, _ = sklearn_curve(LABELS, SCORES)
POINTS = pl.DataFrame({"recall": RECALL, "precision": PRECISION})
BINS = pl.DataFrame(
    {
        "mean_probability": [0.05, 0.15, 0.3, 0.6],
        "observed_rate": [0.04, 0.18, 0.29, 0.55],
        "count": [6000, 2500, 900, 200],
    }
)
LONG = "a_feature_whose_name_is_much_longer_than_any_axis_could_ever_show"
SHAP = RNG.normal(size=(2, 300, 16))
METRICS = {f"metric number {i}": RNG.random() for i in range(8)}

CASES: dict[str, Callable[[], bytes]] = {
    "rating_histogram": lambda: plots.rating_histogram(STARS, STAR_COUNTS),
    "long_tail": lambda: plots.long_tail(TAIL),
    "long_tail of two": lambda: plots.long_tail([3, 0]),
    "activity by day": lambda: plots.activity_by_day(DAYS[:100], EVENTS[:100]),
    "activity by week": lambda: plots.activity_by_day(DAYS[:700], EVENTS[:700]),
    "activity by month": lambda: plots.activity_by_day(DAYS, EVENTS),
    "learning_curve": lambda: plots.learning_curve(
        np.arange(300), {f"{LONG} {i}": np.linspace(1, i, 300) for i in range(7)}, LONG
    ),
    "feature_importance": lambda: plots.feature_importance(
        [f"{LONG}_{i}" for i in range(40)], np.arange(40.0)
    ),
    "precision_recall_curve": lambda: plots.precision_recall_curve(POINTS, LABELS.mean(), 0.6),
    "calibration_curve": lambda: plots.calibration_curve(BINS),
    "score_distribution": lambda: plots.score_distribution(
        {"clicked": SCORES[LABELS], "not clicked": SCORES[~LABELS]}, "click probability"
    ),
    "roc_curve": lambda: roc_curve(LABELS, {LONG: SCORES, "other": SCORES**2, "same": 0 * SCORES}),
    "lift_curve": lambda: lift_curve(LABELS, {LONG: SCORES, "constant": 0 * SCORES}),
    "shap_summary": lambda: shap_summary([LONG, *"bcdefghijklmnop"], *SHAP),
    "drift_bars": lambda: drift_bars({f"{LONG} {i}": i / 30 for i in range(40)}),
    "drift_by_drop": lambda: drift_by_drop(
        pl.DataFrame(
            {"drop_date": DAYS[:60], "column": ["a", LONG] * 30, "value": EVENTS[:60] / 1e4}
        )
    ),
    "search_history": lambda: search_history([0.3, float("nan"), 0.5, 0.4], LONG, True, 0.3),
    "parameter_panels": lambda: parameter_panels(
        {LONG: [1, 10, 100], "alpha": [0.1, 0.2, 0.3]}, [0.1, 0.2, 0.15], "ndcg"
    ),
    "metric_bars": lambda: plots.metric_bars({f"{LONG} {i}": METRICS for i in range(8)}),
    "metric_bars of the models": lambda: plots.metric_bars(
        {f"{name}_model": METRICS for name in ("als", "popularity", "item", "content", "rank")}
    ),
    "importance of a long name": lambda: plots.feature_importance(
        ["M" * 40, "b"], [1, 3], "contributions"
    ),
    "metric_bars of one": lambda: plots.metric_bars({"als": {"rmse": 0.9, "loss": -3e6}}),
}


@functools.cache
def drawn(name: str) -> bytes:
    """The plot of one case, drawn once for all tests that look at it."""
    return CASES[name]()


def pixels(png: bytes) -> NDArray[np.uint8]:
    """The image as (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def painted(png: bytes, colour: str) -> NDArray[np.bool_]:
    """Where the image has this colour (the palette may shift it by a shade)."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return (np.abs(pixels(png).astype(int) - wanted).max(axis=2) <= 6).astype(np.bool_)


def lengths(png: bytes, colour: str, axis: int) -> list[int]:
    """Extent in pixels, along `axis`, of each separate bar of this colour."""
    counts = painted(png, colour).sum(axis=axis)
    groups = np.split(counts, np.flatnonzero(counts == 0))
    return [int(np.median(group[group > 0])) for group in groups if (group > 0).sum() > 5]


def runs(png: bytes, colour: str) -> list[int]:
    """Widths in pixels of the columns of the image that hold this colour, run by run."""
    there = painted(png, colour).any(axis=0)
    groups = np.split(there, np.flatnonzero(np.diff(there)) + 1)
    return [len(group) for group in groups if group[0] and len(group) > 5]


@pytest.mark.parametrize("name", CASES)
def test_every_plot_is_a_small_png_that_says_what_is_seen(name: str) -> None:
    png = drawn(name)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) < 40_000
    image = Image.open(io.BytesIO(png))
    assert image.size == (canvas.WIDTH, canvas.HEIGHT) == (640, 360)
    assert image.text["Title"] and image.text["Description"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_cut_off_at_the_edges(name: str) -> None:
    image = pixels(drawn(name))
    frame = np.concatenate([image[:2].ravel(), image[-1:].ravel(), image[:, :2].ravel()])
    assert (frame >= 250).all() and (image[:, -2:] >= 250).all()


def test_equal_numbers_give_equal_bytes_in_any_thread() -> None:
    alone = [drawn(name) for name in CASES]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda draw: draw(), CASES.values()))
    assert together == alone
    assert len(set(alone)) == len(alone)


def test_the_global_state_of_matplotlib_stays_out() -> None:
    code = "import recsys_assets.kernels.plots, sys; print('matplotlib.pyplot' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr


def test_bars_are_as_high_as_their_counts() -> None:
    heights = lengths(plots.rating_histogram([1, 2, 3], [100, 400, 200]), canvas.BLUE, axis=0)
    assert len(heights) == 3
    assert heights[1] / heights[0] == pytest.approx(4, rel=0.04)
    assert heights[1] / heights[2] == pytest.approx(2, rel=0.02)


def test_importance_bars_are_sorted_shares_and_no_more_than_twenty() -> None:
    png = plots.feature_importance(["a", "b", "c", "d"], [1, 4, 2, 1])
    lengths_ = lengths(png, canvas.BLUE, axis=1)
    assert np.divide(lengths_, lengths_[0]) == pytest.approx([1, 0.5, 0.25, 0.25], abs=0.01)
    assert "top 20 of 40 features, together 76%" in description(drawn("feature_importance"))


@pytest.mark.parametrize("measure", ["gain", "contributions"])
def test_importance_is_told_in_what_it_is_measured_by(measure: str) -> None:
    png = plots.feature_importance(["a", "b"], [1, 3], measure)
    assert title(png) == f"Feature importance: b gives 75% of the {measure}"
    assert description(png) == f"top 2 of 2 features, together 100% of the {measure}"


def test_metric_bars_have_one_scale_per_metric() -> None:
    png = plots.metric_bars({"a": {"ndcg": 0.2, "rows": 4e6}, "b": {"ndcg": 0.4, "rows": 1e6}})
    first, second = runs(png, canvas.BLUE), runs(png, canvas.ORANGE)
    assert len(first) == len(second) == 2
    assert first[0] / second[0] == pytest.approx(0.5, abs=0.02)
    assert first[1] / second[1] == pytest.approx(4, rel=0.04)


def test_the_head_of_the_long_tail_is_a_fifth_of_the_axis() -> None:
    png = plots.long_tail(np.full(1000, 8))
    head, tail = (painted(png, colour).any(axis=0).sum() for colour in (canvas.BLUE, canvas.SKY))
    assert head / (head + tail) == pytest.approx(0.2, abs=0.01)
    assert title(png) == "Long tail: 20% of the movies hold 20% of the ratings"


def test_top_share_of_known_counts() -> None:
    assert top_share([8, 1, 1, 0, 0]) == pytest.approx(0.8)
    assert top_items(35) == 7 and top_items(36) == 8 and top_items(2) == 1


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=300))
def test_the_top_never_holds_less_than_its_share_of_items(counts: list[int]) -> None:
    assert 0.2 - 1e-12 <= top_share(sorted(counts, reverse=True)) <= 1


def test_missing_days_count_as_days_without_events() -> None:
    png = plots.activity_by_day([date(2024, 3, 5), date(2024, 3, 1)], [30, 10])
    assert title(png) == "Ratings per day, 2024-03-01 to 2024-03-05"
    assert description(png) == "40 ratings in 5 days, median 0 a day, peak 30 on 2024-03-05"


@given(st.integers(0, 20_000), st.integers(1, 1000))
def test_totals_of_weeks_and_months_lose_nothing(first: int, size: int) -> None:
    days = np.datetime64(first, "D") + np.arange(size)
    daily = np.arange(size, dtype=float)
    for period, weekday in (("week", 0), ("month", None)):
        starts, totals = _totals(days, daily, period)  # type: ignore[arg-type]
        assert totals.sum() == daily.sum() and starts[0] <= days[0] < starts[0] + 31
        for start in starts.tolist():
            assert start.weekday() == weekday if period == "week" else start.day == 1


def test_a_column_that_early_drops_lack_is_drawn_at_its_own_drops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Figure] = []
    monkeypatch.setattr(canvas, "png", lambda figure, *texts: shown.append(figure))
    days = [*DAYS[:3], DAYS[2]]
    drift_by_drop(
        pl.DataFrame(
            {"drop_date": days, "column": ["a", "a", "a", "score"], "value": [0.1, 0.1, 0.1, 0.4]}
        )
    )
    drawn_at = {line.get_label(): list(line.get_xdata()) for line in shown[0].axes[0].lines}
    assert drawn_at["a"] == [0, 1, 2]
    assert drawn_at["score"] == [2]


def test_the_table_of_the_metrics_kernel_is_drawn() -> None:
    table = calibration_table(LABELS, SCORES, bins=10)
    assert "4,000 rows in 10 bins" in description(plots.calibration_curve(table))


def test_the_order_of_rows_does_not_matter() -> None:
    order = RNG.permutation(STARS.size)
    shuffled = plots.rating_histogram(STARS[order], STAR_COUNTS[order])
    assert title(shuffled) == title(drawn("rating_histogram"))
    assert plots.calibration_curve(BINS.reverse()) == drawn("calibration_curve")
    assert plots.precision_recall_curve(POINTS.reverse(), LABELS.mean(), 0.6) == (
        drawn("precision_recall_curve")
    )
    assert plots.activity_by_day(DAYS[99::-1], EVENTS[99::-1]) == drawn("activity by day")


def test_columns_of_a_frame_are_accepted() -> None:
    frame = pl.DataFrame({"day": DAYS[:100], "rows": EVENTS[:100]})
    assert plots.activity_by_day(frame["day"].to_list(), frame["rows"]) == (
        drawn("activity by day")
    )


def test_names_are_never_read_as_formulas() -> None:
    odd = ["$\\frac{$", "$x$"]
    formula = plots.feature_importance(odd, [2, 1])
    assert formula != plots.feature_importance(["x", "x"], [2, 1])
    plots.learning_curve([1, 2], {"$\\sqrt{$": [1, 2]}, "$\\frac{$")
    plots.metric_bars({"$\\frac{$": {"$\\frac{$": 1.0, "b": 2.0}})


@pytest.mark.parametrize(("maximize", "worst"), [(True, 0.3), (False, 0.5)])
def test_trials_that_were_given_up_are_marked_where_the_worst_are(
    maximize: bool, worst: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(canvas, "png", lambda figure, *texts: figures.append(figure))
    search_history([0.5, float("nan"), 0.3, 0.4], "figure", maximize, 0.5)
    (pruned,) = (c for c in figures[0].axes[0].collections if c.get_label() == "pruned")
    assert pruned.get_offsets().tolist() == [[1.0, worst]]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", CASES)
def test_no_figure_at_an_axis_is_written_as_a_formula(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    class Reader(FigureCanvasAgg):
        def draw(self) -> None:
            super().draw()
            written.extend(text.get_text() for text in self.figure.findobj(Text))  # type: ignore[attr-defined]

    monkeypatch.setattr(backend_agg, "FigureCanvasAgg", Reader)
    CASES[name]()
    assert any(written) and not any("$" in text for text in written)


FAULTS: list[tuple[str, Callable[[], bytes], str]] = [
    ("no ratings", lambda: plots.rating_histogram([], []), "at least 2 points, got 0"),
    ("one rating value", lambda: plots.rating_histogram([3], [9]), "at least 2 points, got 1"),
    ("only zeros", lambda: plots.rating_histogram([3, 4], [0, 0]), "nothing to draw"),
    ("no items", lambda: plots.long_tail([]), "got 0"),
    ("one item", lambda: plots.long_tail([5]), "got 1"),
    ("no days", lambda: plots.activity_by_day([], []), "got 0"),
    ("one day", lambda: plots.activity_by_day(DAYS[:1], [4]), "got 1"),
    ("one step", lambda: plots.learning_curve([1], {"a": [1]}), "iterations.*got 1"),
    ("nan", lambda: plots.learning_curve([1, 2], {"a": [1, np.nan]}), "nan at position 1"),
    ("no features", lambda: plots.feature_importance([], []), "got 0"),
    ("one feature", lambda: plots.feature_importance(["a"], [1]), "got 1"),
    ("no points", lambda: plots.precision_recall_curve(POINTS.clear(), 0.2, 0.2), "got 0"),
    ("one point", lambda: plots.precision_recall_curve(POINTS.head(1), 0.2, 0.2), "got 1"),
    ("no bins", lambda: plots.calibration_curve(BINS.clear()), "got 0"),
    ("one bin", lambda: plots.calibration_curve(BINS.head(1)), "got 1"),
    ("one score", lambda: plots.score_distribution({"a": np.ones(1)}), "a: .* got 1"),
    ("no models", lambda: plots.metric_bars({}), "got 0"),
    ("one value", lambda: plots.metric_bars({"a": {"ndcg": 0.3}}), "got 1"),
]


@pytest.mark.parametrize(("draw", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_faults_are_named(draw: Callable[[], bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()


def title(png: bytes) -> str:
    """The title that travels in the file."""
    return str(Image.open(io.BytesIO(png)).text["Title"])  # type: ignore[attr-defined]


def description(png: bytes) -> str:
    """The line of figures that travels in the file."""
    return str(Image.open(io.BytesIO(png)).text["Description"])  # type: ignore[attr-defined]
