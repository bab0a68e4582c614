"""The laws from which click fields are drawn, against their closed forms."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from recsys_assets.synthetic.criteo_fields import (
    codes_of,
    draw_numbers,
    draw_ranks,
    number_at,
    rank_at,
    scramble,
)
from recsys_assets.synthetic.criteo_profile import CATEGORIES, NUMBERS, Category, Number


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.name)
def test_a_number_meets_its_quantiles_exactly(number: Number) -> None:
    shares = np.array([0.25, 0.5, 0.75, 0.99, 1 - 1 / 45_840_617])
    expected = [*number.quantiles[1:5], number.quantiles[6]]
    assert number_at(number, norm.ppf(shares)).tolist() == expected
    assert number_at(number, np.array([-9.0])).item() == number.quantiles[0]


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_ranks_cover_all_values_in_order_of_frequency(category: Category) -> None:
    ranks = rank_at(category, np.linspace(0.0, 1.0 - 1e-12, 200_001))
    assert (np.diff(ranks.astype(np.int64)) >= 0).all()
    assert (ranks[0], ranks[-1]) == (0, category.values - 1)
    counts = np.bincount(np.minimum(ranks, 3), minlength=4)[:3] / len(ranks)
    assert counts[0] == pytest.approx(category.head, abs=1e-4)
    assert counts[0] >= counts[1] - 1e-4 >= counts[2] - 2e-4


def test_the_tail_is_a_truncated_zipf_mandelbrot_law() -> None:
    category = Category("C1", "", 51, 0.2, 2.0, 10.0, "", 0.0, 0.0)
    ranks = rank_at(category, (np.arange(1_000_000) + 0.5) / 1_000_000)
    edges = np.arange(51.0)
    below = (1 - 1 / (1 + edges / 10)) / (1 - 1 / (1 + 50 / 10))
    expected = np.concatenate([[0.2], 0.8 * np.diff(below)])
    assert np.bincount(ranks) / 1_000_000 == pytest.approx(expected, abs=2e-6)


def test_scrambling_is_one_to_one_and_spreads() -> None:
    keys = np.arange(1_000_000, dtype=np.uint32)
    codes = scramble(keys)
    assert len(np.unique(codes)) == len(keys)
    assert codes.mean() / 2**32 == pytest.approx(0.5, abs=0.002)


def test_columns_never_share_a_code_for_their_frequent_values() -> None:
    ranks = np.arange(2_000, dtype=np.uint32)
    codes = np.concatenate([codes_of(c.name, ranks) for c in CATEGORIES])
    assert len(np.unique(codes)) == len(codes)


def test_numbers_follow_engagement_with_their_loading() -> None:
    rng = np.random.default_rng(1)
    engagement = rng.standard_normal(20_000)
    values = draw_numbers(rng, engagement)
    # I5 is nearly continuous, so its rank correlation with the factor is that of two normals.
    ranks = np.argsort(np.argsort(values["I5"])) / 20_000
    loading = next(n.loading for n in NUMBERS if n.name == "I5")
    expected = 6 / np.pi * np.arcsin(loading / 2)
    assert np.corrcoef(ranks, ndtr(engagement))[0, 1] == pytest.approx(expected, abs=0.02)


def test_columns_of_a_topic_agree() -> None:
    rng = np.random.default_rng(1)
    ranks = draw_ranks(rng, rng.standard_normal(20_000))
    # Where a column gives one value several others, they follow each other in both orders.
    order = np.lexsort((ranks["C4"], ranks["C3"]))
    assert (np.diff(ranks["C4"][order].astype(np.int64)) >= 0).all()
    assert abs(np.corrcoef(ranks["C1"] == 0, ranks["C3"] < 5)[0, 1]) < 0.03
