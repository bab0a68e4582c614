"""Rating metrics: known answers, agreement with scikit-learn, additivity, clear errors."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from recsys_assets.kernels.metrics.rating import RatingSums
from recsys_assets_tests.kernels.metrics import known_answers
from recsys_assets_tests.kernels.metrics.properties import quick

Pairs = NDArray[np.float64]
value = st.integers(-40, 40).map(lambda quarters: quarters / 4)
pairs = st.lists(st.tuples(value, value), min_size=2, max_size=30).map(np.array)


def test_known_answers() -> None:
    both = known_answers.joined()
    assert both.height == 8
    assert RatingSums.from_arrays(both["rating"], both["score"]).metrics() == pytest.approx(
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
    measured = RatingSums.from_arrays(truth, prediction).metrics()
    assert measured == pytest.approx(expected, rel=1e-9, abs=1e-9)


@quick
@given(pairs, st.lists(st.integers(0, 30), max_size=4), st.randoms(use_true_random=False))
def test_blocks_in_any_order_add_up_to_the_whole(data, cuts, random) -> None:  # type: ignore[no-untyped-def]
    assume(np.ptp(data[:, 0]) > 0)
    blocks = [block for block in np.split(data, sorted(cuts)) if len(block)]
    random.shuffle(blocks)
    summed = sum((RatingSums.from_arrays(*block.T) for block in blocks), start=RatingSums())
    assert summed.count == len(data)
    whole = RatingSums.from_arrays(*data.T).metrics()
    assert summed.metrics() == pytest.approx(whole, rel=1e-9, abs=1e-9)


@quick
@given(pairs)
def test_no_pairs_add_nothing(data: Pairs) -> None:
    sums = RatingSums.from_arrays(*data.T)
    assert sums + RatingSums() == sums
    assert RatingSums() + sums == sums
    assert RatingSums() + RatingSums() == RatingSums()


@quick
@given(pairs)
def test_perfect_predictions(data: Pairs) -> None:
    truth = data[:, 0]
    assume(np.ptp(truth) > 0)
    assert list(RatingSums.from_arrays(truth, truth).metrics().values()) == [0.0, 0.0, 1.0, 1.0]


@quick
@given(pairs, value)
def test_an_offset_leaves_explained_variance_alone(data: Pairs, offset: float) -> None:
    truth, prediction = data.T
    assume(np.ptp(truth) > 0)
    moved = RatingSums.from_arrays(truth, prediction + offset).metrics()
    still = RatingSums.from_arrays(truth, prediction).metrics()
    assert moved["explained_variance"] == pytest.approx(still["explained_variance"], abs=1e-9)
    assert moved["r_squared"] <= moved["explained_variance"] + 1e-9
    assert moved["mae"] <= moved["rmse"] + 1e-9


def test_ratings_far_from_zero_keep_their_digits() -> None:
    noise = np.random.default_rng(7).normal(size=(2, 10_000))
    near = RatingSums.from_arrays(*noise).metrics()
    blocks = [RatingSums.from_arrays(*(block + 1e8)) for block in np.array_split(noise, 10, axis=1)]
    assert sum(blocks, start=RatingSums()).metrics() == pytest.approx(near, rel=1e-6)


@pytest.mark.parametrize("blocks", [1, 2])
def test_equal_true_ratings_leave_only_the_errors_defined(blocks: int) -> None:
    # 0.1 has no exact mean in binary arithmetic, so rounding could pass for spread.
    sums = sum([RatingSums.from_arrays([0.1] * 10, [0.3] * 10)] * blocks, start=RatingSums())
    assert (sums.rmse, sums.mae) == pytest.approx((0.2, 0.2))
    with pytest.raises(ValueError, match=f"the {10 * blocks} true ratings are all equal"):
        sums.metrics()
    with pytest.raises(ValueError, match="explained_variance is undefined"):
        _ = sums.explained_variance


def test_no_pairs_have_no_metrics() -> None:
    with pytest.raises(ValueError, match="no pairs of ratings"):
        RatingSums().metrics()


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
        RatingSums.from_arrays(truth, prediction)
