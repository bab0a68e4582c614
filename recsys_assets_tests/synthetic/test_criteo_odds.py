"""The true odds: effects of known size, and empties that hide what they replace."""

import numpy as np
import pytest
from scipy.special import logit

from recsys_assets.synthetic import criteo_odds
from recsys_assets.synthetic.criteo import ROWS_PER_BLOCK, click_batches
from recsys_assets.synthetic.criteo_fields import draw_numbers, draw_ranks
from recsys_assets.synthetic.criteo_odds import log_odds
from recsys_assets.synthetic.criteo_profile import CATEGORIES, EMPTY_SHARES, NUMBERS

ROWS = 50_000

Fields = tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]


@pytest.fixture
def fields() -> Fields:
    rng = np.random.default_rng(1)
    engagement = rng.standard_normal(ROWS)
    empty = {group: np.zeros(ROWS, dtype=bool) for group in EMPTY_SHARES}
    return draw_numbers(rng, engagement), draw_ranks(rng, engagement), empty


@pytest.mark.parametrize("name", ["C4", "C9", "C18"])
def test_a_column_moves_the_odds_by_its_weight(fields: Fields, name: str) -> None:
    numbers, ranks, empty = fields
    before = log_odds(numbers, ranks, empty)
    after = log_odds(numbers, ranks | {name: np.zeros(ROWS, dtype=np.uint32)}, empty)
    weight = next(c.weight for c in CATEGORIES if c.name == name)
    assert (before - after).std() == pytest.approx(weight, rel=0.05)


def test_columns_without_weight_do_not_matter(fields: Fields) -> None:
    numbers, ranks, empty = fields
    before = log_odds(numbers, ranks, empty)
    for c in CATEGORIES:
        if c.weight == 0 and c.name not in ("C14", "C17", "C2"):
            ranks[c.name] = np.zeros(ROWS, dtype=np.uint32)
    assert np.array_equal(log_odds(numbers, ranks, empty), before)


@pytest.mark.parametrize("group", EMPTY_SHARES)
def test_an_empty_field_hides_its_value(fields: Fields, group: str) -> None:
    numbers, ranks, empty = fields
    empty[group][:] = True
    before = log_odds(numbers, ranks, empty)
    for n in NUMBERS:
        if n.empties == group:
            numbers[n.name] = np.full(ROWS, 99)
    for c in CATEGORIES:
        if c.empties == group:
            ranks[c.name] = np.zeros(ROWS, dtype=np.uint32)
    assert np.array_equal(log_odds(numbers, ranks, empty), before)


def test_emptiness_itself_moves_the_odds() -> None:
    assert criteo_odds.EMPTY_EFFECTS.keys() <= EMPTY_SHARES.keys()
    rng = np.random.default_rng(1)
    numbers = draw_numbers(rng, np.zeros(2))
    ranks = {name: values[:1].repeat(2) for name, values in draw_ranks(rng, np.zeros(2)).items()}
    numbers = {name: values[:1].repeat(2) for name, values in numbers.items()}
    empty = {group: np.array([True, True]) for group in EMPTY_SHARES}
    empty["I12"] = np.array([True, False])
    numbers["I12"] = np.array([0, 0])
    change = np.diff(log_odds(numbers, ranks, empty)).item()
    value = next(n.weight for n in NUMBERS if n.name == "I12")
    assert change == pytest.approx(-criteo_odds.EMPTY_EFFECTS["I12"], abs=2 * abs(value))


def test_i6_and_i7_interact(fields: Fields) -> None:
    """A mixed second difference removes all additive terms and leaves the product's weight."""
    numbers, ranks, empty = fields

    def odds(i6: int, i7: int) -> float:
        changed = numbers | {"I6": np.full(ROWS, i6), "I7": np.full(ROWS, i7)}
        return log_odds(changed, ranks, empty)[0]

    mixed = odds(5_000, 500) - odds(5_000, 0) - odds(0, 500) + odds(0, 0)
    scale = {}
    for name, high in (("I6", 5_000), ("I7", 500)):
        scale[name] = np.log1p(high) / np.log1p(numbers[name]).std()
    expected = criteo_odds.CROSS_WEIGHT * scale["I6"] * scale["I7"]
    assert mixed == pytest.approx(expected, rel=0.05)


def test_the_world_is_the_same_for_every_seed() -> None:
    """The most frequent value of C17 shifts the odds alike under two seeds."""
    shifts = []
    for seed in (1, 2):
        rows = next(click_batches(4 * ROWS_PER_BLOCK, seed, 40_000, with_probability=True))
        head = rows["C17"].mode().item()
        odds = logit(rows["probability"].to_numpy())
        is_head = (rows["C17"] == head).to_numpy()
        shifts.append((head, odds[is_head].mean() - odds[~is_head].mean()))
    assert shifts[0][0] == shifts[1][0]
    assert shifts[0][1] == pytest.approx(shifts[1][1], abs=0.08)
    assert abs(shifts[0][1]) > 0.3
