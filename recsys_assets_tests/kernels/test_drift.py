"""Drift: closed forms of PSI and KS, silence on the same distribution, a shift is seen."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from recsys_assets.kernels.drift import (
    category_shift,
    chance_psi,
    kolmogorov_smirnov,
    new_share,
    number_shift,
    population_stability_index,
)

ROWS = 20_000


def test_psi_of_two_bins_in_closed_form() -> None:
    # (0.7 - 0.5) ln(0.7 / 0.5) + (0.3 - 0.5) ln(0.3 / 0.5) = 0.2 ln(7 / 3)
    many = 10**9
    psi = population_stability_index([many, many], [14 * many, 6 * many])
    assert psi == pytest.approx(0.2 * math.log(7 / 3), rel=1e-6)


def test_ks_in_closed_form() -> None:
    assert kolmogorov_smirnov([1, 1, 1, 1], [0, 0, 2, 2]) == 0.5
    assert kolmogorov_smirnov([1, 0], [0, 1]) == 1.0


@given(
    st.lists(st.integers(0, 500), min_size=2, max_size=8).filter(any),
    st.integers(1, 1_000),
)
def test_psi_is_0_for_the_same_shares_and_never_negative(counts: list[int], factor: int) -> None:
    same = population_stability_index(counts, counts)
    assert same == 0
    turned = counts[::-1]
    assert population_stability_index(counts, turned) >= 0
    assert population_stability_index(counts, turned) == pytest.approx(
        population_stability_index(turned, counts)
    )
    assert kolmogorov_smirnov(counts, [factor * c for c in counts]) == pytest.approx(0, abs=1e-12)


def test_ks_of_numbers_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    old, new = rng.integers(0, 50, 900), rng.integers(5, 60, 700)
    shift = number_shift(pl.Series("x", old), pl.Series("x", new))
    assert shift.ks == pytest.approx(ks_2samp(old, new).statistic)


def test_psi_of_a_shifted_normal_is_near_its_closed_form() -> None:
    # Both directions of the divergence of N(0, 1) and N(d, 1) add up to d^2; bins lose a little.
    rng = np.random.default_rng(2)
    old, new = rng.normal(0, 1, 200_000), rng.normal(0.5, 1, 200_000)
    psi = number_shift(pl.Series("x", old), pl.Series("x", new), bins=20).psi
    assert psi == pytest.approx(0.25, abs=0.02)


def test_two_samples_of_one_distribution_are_still() -> None:
    rng = np.random.default_rng(3)
    letters = np.array(list("abcdefghij"))
    psi = []
    for _ in range(20):
        old, new = (pl.Series("x", rng.exponential(1, ROWS)) for _ in range(2))
        shift = number_shift(old, new)
        assert shift.ks < 0.025
        psi.append(shift.psi)
        old, new = (pl.Series("x", rng.choice(letters, ROWS)) for _ in range(2))
        assert category_shift(old, new).psi < 0.01
    assert np.mean(psi) == pytest.approx(chance_psi(10, ROWS, ROWS), rel=0.4)


def test_numbers_fall_into_tenths_of_the_reference_and_gaps_into_a_bin_of_their_own() -> None:
    old = pl.Series("x", [*range(100), *[None] * 5])
    new = pl.Series("x", [*[5] * 25, *[95] * 15, *[None] * 10])
    shift = number_shift(old, new)
    expected = population_stability_index([10] * 10 + [5], [25, *[0] * 8, 15, 10])
    assert shift.psi == pytest.approx(expected)
    assert shift.ks == pytest.approx(25 / 40 - 6 / 100)


def test_categories_are_the_most_frequent_of_the_reference_the_others_and_gaps() -> None:
    # Of the last three, equally frequent, only the first by name has a bin of its own.
    counts = [*range(60, 22, -2), 10, 10, 10]
    names = [f"v{n:02}" for n in range(len(counts))]
    old = pl.Series("x", np.repeat(names, counts).tolist()[::-1] + [None] * 9)
    new = pl.Series("x", ["v00"] * 5 + ["v19"] * 4 + ["v20"] * 3 + ["new"] * 2 + [None])
    bins = [*counts[:20], 20, 9], [5, *[0] * 18, 4, 5, 1]
    shift = category_shift(old, new)
    assert shift.psi == pytest.approx(population_stability_index(*bins))
    p, q = (np.array(of_bin) / sum(of_bin) for of_bin in bins)
    assert shift.ks == pytest.approx(np.abs(p - q).max())


def test_chance_alone_is_that_of_both_samples() -> None:
    assert chance_psi(11, 1_000, 500) == pytest.approx(10 * (1 / 1_000 + 1 / 500))


def test_a_value_that_grows_a_new_one_and_gaps_are_seen() -> None:
    rng = np.random.default_rng(4)
    old = pl.Series("x", rng.choice(["a", "b"], ROWS))
    assert category_shift(old, pl.Series("x", rng.choice(["a", "b"], ROWS, p=[0.8, 0.2]))).psi > 0.3
    fresh = category_shift(old, pl.Series("x", rng.choice(["a", "c"], ROWS)))
    assert fresh.psi > 1
    assert fresh.ks == pytest.approx(0.5, abs=0.02)
    lost = pl.Series(rng.random(ROWS) < 0.3)
    gaps = old.to_frame().select(pl.when(~lost).then("x").alias("x")).to_series()
    assert category_shift(old, gaps).psi > 1
    numbers = pl.Series("x", rng.normal(size=ROWS))
    holes = numbers.to_frame().select(pl.when(pl.col("x") > -0.5).then("x")).to_series()
    assert number_shift(numbers, holes).psi > 1


def test_columns_of_nothing_but_gaps() -> None:
    empty = pl.Series("x", [None] * 50, pl.Float64)
    assert number_shift(empty, empty).psi == 0
    assert number_shift(empty, pl.Series("x", [1.0] * 50)).psi > 1
    with pytest.raises(ValueError, match="no rows"):
        number_shift(empty, empty.clear())
    with pytest.raises(ValueError, match="same"):
        population_stability_index([1, 2], [1, 2, 3])


def test_share_of_new_users() -> None:
    assert new_share(pl.Series([1, 2, 3]), pl.Series([3, 3, 4, 5])) == pytest.approx(2 / 3)
