"""Click metrics: known answers, laws, agreement with scikit-learn, clear errors."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from sklearn import metrics as sklearn_metrics

from recsys_assets.kernels.metrics.classification import (
    auc,
    average_precision,
    calibration_table,
    click_metrics,
    ece,
    logloss,
    precision_recall_points,
)
from recsys_assets_tests.kernels.metrics import known_answers
from recsys_assets_tests.kernels.metrics.properties import quick

Clicks = NDArray[np.float64]
grid = st.integers(0, 20).map(lambda step: step / 20)
clicks = st.lists(st.tuples(st.booleans(), grid), min_size=2, max_size=60).map(
    lambda rows: np.array(rows, dtype=float)
)
two_classes = clicks.filter(lambda rows: np.ptp(rows[:, 0]) > 0)


def test_known_auc_and_logloss() -> None:
    score = pl.col("score")
    span = known_answers.predictions().select(low=score.min(), high=score.max()).row(0)
    both = known_answers.joined()
    label = both["rating"] >= 3
    probability = (both["score"] - span[0]) / (span[1] - span[0])
    assert both.height == 8
    assert auc(label, probability) == pytest.approx(0.75)
    assert logloss(label, probability) == pytest.approx(0.7835, rel=1e-4)


def test_logloss_by_hand() -> None:
    expected = -(math.log(0.8) + math.log(1 - 0.3) + math.log(0.5)) / 3
    assert logloss([1, 0, 1], [0.8, 0.3, 0.5]) == pytest.approx(expected)


def test_logloss_of_a_wrong_certainty_is_finite() -> None:
    assert logloss([1], [0.0]) == pytest.approx(-math.log(np.finfo(float).eps))


@quick
@given(two_classes)
def test_auc_is_the_chance_of_the_right_order(rows: Clicks) -> None:
    label, probability = rows.T
    gap = probability[label == 1][:, None] - probability[label == 0][None, :]
    assert auc(label, probability) == pytest.approx(np.mean((gap > 0) + 0.5 * (gap == 0)))


@quick
@given(two_classes)
def test_increasing_transforms_leave_auc_unchanged(rows: Clicks) -> None:
    label, probability = rows.T
    for transform in (np.square, np.sqrt, lambda p: 0.1 + p / 2):
        assert auc(label, transform(probability)) == auc(label, probability)
    assert auc(label, 1 - probability) == pytest.approx(1 - auc(label, probability))


@quick
@given(two_classes)
def test_perfect_probabilities(rows: Clicks) -> None:
    label = rows[:, 0]
    assert click_metrics(label, label) == pytest.approx({"auc": 1, "logloss": 0, "ece": 0})


@quick
@given(two_classes, st.randoms(use_true_random=False))
def test_row_order_changes_nothing(rows: Clicks, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = rows[random.sample(range(len(rows)), len(rows))]
    assert click_metrics(*shuffled.T) == pytest.approx(click_metrics(*rows.T), rel=1e-12)
    for table in (calibration_table, precision_recall_points):
        assert_frame_equal(table(*shuffled.T), table(*rows.T), check_exact=True)


@quick
@given(two_classes)
def test_metrics_lie_in_their_ranges(rows: Clicks) -> None:
    metrics = click_metrics(*rows.T)
    assert list(metrics) == ["auc", "logloss", "ece"]
    assert 0 <= metrics["auc"] <= 1
    assert metrics["logloss"] >= 0
    assert 0 <= metrics["ece"] <= 1
    assert metrics["ece"] == ece(rows[:, 0], rows[:, 1], bins=20)


def test_ece_by_hand() -> None:
    label = [0, 1, 1, 1]
    probability = [0.1, 0.3, 0.6, 0.8]
    # Halves: |1/2 - 0.2| and |1 - 0.7|, each of weight one half.
    assert ece(label, probability, bins=2) == pytest.approx(0.3)
    assert ece(label, probability, bins=1) == pytest.approx(abs(3 / 4 - 1.8 / 4))


@quick
@given(clicks, st.integers(1, 30))
def test_calibration_bins_hold_every_row_and_split_no_tie(rows: Clicks, bins: int) -> None:
    label, probability = rows.T
    table = calibration_table(label, probability, bins)
    assert table.columns == ["bin", "count", "mean_probability", "observed_rate"]
    assert table["count"].sum() == len(rows)
    assert table["bin"].is_sorted() and table["bin"].n_unique() == table.height <= bins
    assert table["mean_probability"].is_sorted()
    weight = table["count"] / len(rows)
    assert (table["mean_probability"] * weight).sum() == pytest.approx(probability.mean())
    assert (table["observed_rate"] * weight).sum() == pytest.approx(label.mean())
    ends = np.cumsum(table["count"].to_numpy())[:-1]
    ordered = np.sort(probability)
    assert (ordered[ends - 1] < ordered[ends]).all()


def test_calibration_bins_have_equal_frequency_without_ties() -> None:
    probability = np.random.default_rng(3).permutation(1000) / 1000
    table = calibration_table(probability > 0.5, probability)
    assert table["count"].to_list() == [50] * 20
    assert table["bin"].to_list() == list(range(20))


def test_calibration_sums_do_not_depend_on_row_order() -> None:
    random = np.random.default_rng(13)
    probability = random.random(10_000)
    label = random.random(10_000) < probability
    order = random.permutation(10_000)
    again = calibration_table(label[order], probability[order])
    assert_frame_equal(again, calibration_table(label, probability), check_exact=True)


def test_constant_probability_has_one_bin() -> None:
    assert calibration_table([0, 1, 0, 0], [0.5] * 4).rows() == [(0, 4, 0.5, 0.25)]
    assert ece([0, 1, 0, 0], [0.5] * 4) == 0.25


def test_honest_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(11)
    probability = random.random(100_000)
    label = random.random(100_000) < probability
    assert ece(label, probability) < 0.01
    assert ece(label, probability**2) > 0.1


@quick
@given(two_classes)
def test_precision_and_recall_count_the_rows_above_the_threshold(rows: Clicks) -> None:
    label, probability = rows.T
    points = precision_recall_points(label, probability)
    assert points.height <= 200
    assert points["threshold"].to_list() == sorted(set(probability))
    for threshold, precision, recall in points.iter_rows():
        called = probability >= threshold
        assert precision == pytest.approx(label[called].mean())
        assert recall == pytest.approx(label[called].sum() / label.sum())


@pytest.mark.parametrize("most", [2, 10, 200])
def test_long_curves_are_thinned_evenly_over_recall(most: int) -> None:
    random = np.random.default_rng(5)
    probability = random.random(20_000)
    # Without a click at the top, many thresholds share the lowest recall.
    label = (random.random(20_000) < probability) & (probability < 0.99)
    points = precision_recall_points(label, probability, most)
    precision, recall, threshold = sklearn_metrics.precision_recall_curve(label, probability)
    on_curve = set(zip(threshold, precision[:-1], recall[:-1], strict=True))
    assert set(points.rows()) <= on_curve
    assert points.height == most
    assert points["threshold"].is_sorted()
    assert points["threshold"][0] == probability.min()
    assert points["threshold"][-1] == probability.max()
    gaps = -np.diff(points["recall"].to_numpy())
    assert gaps.max() <= 1 / (most - 1) + 2 / label.sum()


def test_the_points_nearest_to_evenly_spaced_recalls_are_kept() -> None:
    """Recalls of 1, 1, 0.8, 0.6, 0.4 and 0.2; wanted are 1, 0.73, 0.47 and 0.2."""
    points = precision_recall_points([0, 1, 1, 1, 1, 1], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 4)
    assert points["threshold"].to_list() == [0.0, 0.2, 0.4, 0.5]
    assert points["recall"].to_list() == pytest.approx([1, 0.8, 0.4, 0.2])


functions = pytest.mark.parametrize(
    "function",
    [
        auc,
        average_precision,
        logloss,
        ece,
        click_metrics,
        calibration_table,
        precision_recall_points,
    ],
)


@functions
@pytest.mark.parametrize(
    ("label", "probability", "message"),
    [
        ([], [], "label must be a non-empty"),
        ([0, 1], [0.5], "label has 2 values and probability has 1"),
        ([0, 2], [0.1, 0.2], r"label has 1 values other than 0 and 1, such as 2\.0"),
        ([0, math.nan], [0.1, 0.2], "label has 1 NaN"),
        ([0, 1], [0.1, math.nan], "probability has 1 NaN"),
        ([0, 1], [0.1, 1.5], r"probability has 1 values outside \[0, 1\], such as 1\.5"),
        ([0, 1], [-0.1, 0.5], r"outside \[0, 1\], such as -0\.1"),
    ],
)
def test_unusable_input_is_rejected(
    function: Callable[[list[float], list[float]], object],
    label: list[float],
    probability: list[float],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        function(label, probability)


@pytest.mark.parametrize(
    "function", [auc, average_precision, click_metrics, precision_recall_points]
)
@pytest.mark.parametrize("label", [[0, 0], [1, 1]])
def test_a_single_class_is_rejected_where_two_are_needed(
    function: Callable[[list[int], list[float]], object], label: list[int]
) -> None:
    with pytest.raises(ValueError, match=f"undefined: all 2 labels are {label[0]}"):
        function(label, [0.2, 0.4])


@quick
@given(clicks)
def test_logloss_and_ece_of_a_single_class_are_defined(rows: Clicks) -> None:
    probability = rows[:, 1]
    assume(probability.min() > 0)
    clicked = np.ones(len(rows))
    assert logloss(clicked, probability) == pytest.approx(-np.log(probability).mean(), abs=1e-12)
    assert ece(clicked, probability) == pytest.approx(1 - probability.mean())


def test_too_few_bins_or_points_are_rejected() -> None:
    with pytest.raises(ValueError, match="bins must be at least 1, not 0"):
        ece([0, 1], [0.1, 0.2], bins=0)
    with pytest.raises(ValueError, match="max_points must be at least 2"):
        precision_recall_points([0, 1], [0.1, 0.2], max_points=1)
