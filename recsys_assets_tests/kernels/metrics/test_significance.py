import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from recsys_assets.kernels.metrics import significance
from recsys_assets.kernels.metrics.significance import compare_paired, mean_intervals
from recsys_assets_tests.kernels.metrics.properties import quick

values = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30)


def test_intervals_agree_with_normal_theory() -> None:
    sample = np.random.default_rng(3).normal(2.0, 1.0, (4_000, 1))
    interval = mean_intervals(sample, seed=1, resamples=2_000)[0]
    half = norm.ppf(0.975) * sample.std() / np.sqrt(len(sample))
    assert interval.low == pytest.approx(sample.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(sample.mean() + half, abs=0.1 * half)


def test_intervals_agree_with_scipy_on_few_skewed_values() -> None:
    sample = np.random.default_rng(5).exponential(1.0, 40)
    ours = mean_intervals(sample[:, np.newaxis], seed=2, resamples=5_000)[0]
    theirs = bootstrap(
        (sample,), np.mean, n_resamples=5_000, method="percentile", random_state=3
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    samples = rng.normal(0.0, 1.0, (60, 400))  # 400 columns are 400 experiments
    held = [i.low <= 0.0 <= i.high for i in mean_intervals(samples, resamples=600)]
    # 400 binomial draws at 0.95 have a standard deviation of 0.011; percentiles of 60 are short.
    assert 0.90 < np.mean(held) < 0.99


def test_p_values_of_equal_models_are_uniform() -> None:
    rng = np.random.default_rng(11)
    tests = [compare_paired(*rng.normal(0, 1, (2, 50)), seed=n, resamples=300) for n in range(200)]
    for name in ("p_bootstrap", "p_wilcoxon"):
        below = np.mean([getattr(test, name) < 0.2 for test in tests])
        assert 0.11 < below < 0.30, name  # standard deviation 0.028
    assert np.mean([test.is_win for test in tests]) < 0.07  # 0.025 each side


def test_a_clear_gain_is_a_win_and_its_reverse_a_loss() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0, 1, 200)
    better = base + rng.normal(0.05, 0.05, 200)
    forth, back = compare_paired(better, base), compare_paired(base, better)
    assert forth.is_win and not forth.is_loss
    assert back.is_loss and not back.is_win
    assert forth.difference == pytest.approx(float((better - base).mean()))
    assert forth.interval.low < forth.difference < forth.interval.high
    assert forth.p_bootstrap == back.p_bootstrap == 1 / 1001


def test_users_whom_no_model_serves_make_a_gain_less_sure() -> None:
    gains = np.linspace(0.1, 0.2, 10)
    served = compare_paired(gains, np.zeros(10)).p_wilcoxon
    all_users = np.concatenate([gains, np.zeros(90)])
    assert served < 0.01 < compare_paired(all_users, np.zeros(100)).p_wilcoxon


@quick
@given(sample=values)
def test_a_model_neither_beats_nor_loses_to_itself(sample: list[float]) -> None:
    test = compare_paired(sample, sample, resamples=20)
    assert (test.difference, test.p_bootstrap, test.p_wilcoxon) == (0.0, 1.0, 1.0)
    assert not test.is_win and not test.is_loss


@quick
@given(sample=values, seed=st.integers(0, 5))
def test_intervals_lie_within_the_values_and_repeat(sample: list[float], seed: int) -> None:
    column = np.array(sample)[:, np.newaxis]
    interval = mean_intervals(column, seed, resamples=30)[0]
    assert min(sample) - 1e-6 <= interval.low <= interval.high <= max(sample) + 1e-6
    assert mean_intervals(column, seed, resamples=30)[0] == interval


def test_drawing_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Sums of 64ths are exact in any order, which BLAS chooses by the shape.
    sample = np.random.default_rng(0).integers(0, 64, (37, 2)) / 64
    whole = mean_intervals(sample, seed=4, resamples=50)
    monkeypatch.setattr(significance, "_DRAWS_AT_ONCE", 100)
    assert mean_intervals(sample, seed=4, resamples=50) == whole


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1.0, 2.0], [1.0], "one value per user"),
        ([], [], "not empty"),
        ([1.0, float("nan")], [1.0, 1.0], "NaN"),
        ([[1.0, 2.0]], [[1.0, 1.0]], "one metric"),
    ],
)
def test_unusable_values_are_rejected(
    first: list[float], second: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare_paired(first, second)


@pytest.mark.parametrize(("users", "is_win"), [(1, False), (2, False), (5, False), (10, True)])
def test_a_handful_of_users_proves_nothing(users: int, is_win: bool) -> None:
    test = compare_paired(np.linspace(0.1, 0.2, users), np.zeros(users))
    assert test.is_win is is_win
    assert test.p_bootstrap >= 2.0 ** (1 - users)
