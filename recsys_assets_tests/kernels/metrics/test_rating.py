"""Rating metrics: known answers, agreement with scikit-learn, clear errors."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from recsys_assets.kernels.metrics.rating import rating_metrics
from recsys_assets_tests.kernels.metrics import known_answers
from recsys_assets_tests.kernels.metrics.properties import quick

Pairs = NDArray[np.float64]
value = st.integers(-40, 40).map(lambda quarters: quarters / 4)
pairs = st.lists(st.tuples(value, value), min_size=2, max_size=30).map(np.array)


def test_known_answers() -> None:
    both = known_answers.joined()
    assert both.height == 8
    assert rating_metrics(both["rating"], both["score"]) == pytest.approx(
        {
            "rmse": 7.254309,
            "mae": 6.375,
            "r_squared": -31.699029,
            "explained_variance": -6.4466,
        },
        rel=1e-4,
    )


@quick
@given(pairs)
def test_agreement_with_scikit_learn(data: Pairs) -> None:
    truth, prediction = data.T
    assume(np.ptp(truth) > 0)
    expected = {
        "rmse": sklearn_metrics.root_mean_squared_error(truth, prediction),
        "mae": sklearn_metrics.mean_absolute_error(truth, prediction),
        "r_squared": sklearn_metrics.r2_score(truth, prediction),
        "explained_variance": sklearn_metrics.explained_variance_score(truth, prediction),
    }
    measured = rating_metrics(truth, prediction)
    assert measured == pytest.approx(expected, rel=1e-9, abs=1e-9)


@quick
@given(pairs)
def test_perfect_predictions(data: Pairs) -> None:
    truth = data[:, 0]
    assume(np.ptp(truth) > 0)
    assert list(rating_metrics(truth, truth).values()) == [0.0, 0.0, 1.0, 1.0]


@quick
@given(pairs, value)
def test_an_offset_leaves_explained_variance_alone(data: Pairs, offset: float) -> None:
    truth, prediction = data.T
    assume(np.ptp(truth) > 0)
    moved = rating_metrics(truth, prediction + offset)
    still = rating_metrics(truth, prediction)
    assert moved["explained_variance"] == pytest.approx(still["explained_variance"], abs=1e-9)
    assert moved["r_squared"] <= moved["explained_variance"] + 1e-9
    assert moved["mae"] <= moved["rmse"] + 1e-9


def test_ratings_far_from_zero_keep_their_digits() -> None:
    noise = np.random.default_rng(7).normal(size=(2, 10_000))
    near = rating_metrics(*noise)
    assert rating_metrics(*(noise + 1e8)) == pytest.approx(near, rel=1e-6)


def test_equal_true_ratings_leave_only_the_errors_defined() -> None:
    # 0.1 has no exact mean in binary arithmetic, so rounding could pass for spread.
    found = rating_metrics([0.1] * 10, [0.3] * 10)
    assert found == pytest.approx({"rmse": 0.2, "mae": 0.2})


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ([], [], "truth must be a non-empty"),
        ([1.0, 2.0], [1.0], "truth has 2 values and prediction has 1"),
        ([[1.0]], [1.0], "one-dimensional"),
        ([1.0, math.nan], [1.0, 2.0], "truth has 1 NaN or infinite values of 2"),
        ([1.0, 2.0], [math.inf, 2.0], "prediction has 1 NaN or infinite"),
    ],
)
def test_unusable_arrays_are_rejected(
    truth: list[float], prediction: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rating_metrics(truth, prediction)
