"""The true odds of a click, as a function of the fields of the row.

Numbers enter by their standardized logarithm, categories by a fixed effect of each value, and
three interactions join them. The effects are hashed from the values, hence the same for every
seed, and shrink with rarity.
"""

import numpy as np
from scipy.special import ndtri

from recsys_assets.synthetic.criteo_fields import codes_of, number_at, rank_at, scramble
from recsys_assets.synthetic.criteo_profile import CATEGORIES, NUMBERS, Category, Number

INTERCEPT = -1.469
"""Log odds of a row whose fields all have no effect; gives `criteo_profile.CLICK_RATE`."""

EMPTY_EFFECTS = {"I1": -0.25, "I12": -0.10, "I6": 0.15}
"""Change of the log odds where a group of numbers is empty."""

EFFECT_RANKS = 100.0
"""Rank at which the effect of a value has shrunk by the root of two: large effects sit where a
model can learn them, small ones in the tail reward more rows."""

PAIR_WEIGHT = 0.2
"""Standard deviation of the effect of each pair of values of C17 and C14."""

SLOPE_WEIGHT = 0.15
"""Standard deviation over the values of C2 of the slope of I5."""

CROSS_WEIGHT = 0.1
"""Weight of the product of I6 and I7."""


def log_odds(
    numbers: dict[str, np.ndarray], ranks: dict[str, np.ndarray], empty: dict[str, np.ndarray]
) -> np.ndarray:
    """Return the log odds of the click: numbers, categories, and three interactions."""
    odds = np.full(len(numbers["I1"]), INTERCEPT)
    for group, effect in EMPTY_EFFECTS.items():
        odds += effect * empty[group]
    size = {n.name: _standardized(n, numbers[n.name], empty) for n in NUMBERS}
    for n in NUMBERS:
        odds += n.weight * size[n.name]
    for c in CATEGORIES:
        if c.weight:
            seen = ~empty[c.empties] if c.empties else 1.0
            odds += c.weight * seen * _effect(c.name, ranks[c.name])
    odds += PAIR_WEIGHT * _bell(codes_of("C17", ranks["C17"] + 32 * ranks["C14"]))
    odds += SLOPE_WEIGHT * size["I5"] * _bell(ranks["C2"])
    odds += CROSS_WEIGHT * size["I6"] * size["I7"]
    return odds


def _standardized(number: Number, values: np.ndarray, empty: dict[str, np.ndarray]) -> np.ndarray:
    """Return log(1 + value - least) in standard deviations from its mean, 0 where empty."""
    mean, deviation = _LOG_MOMENTS[number.name]
    scaled = (np.log1p(values - number.quantiles[0]) - mean) / deviation
    return np.where(empty[number.empties], 0.0, scaled) if number.empties else scaled


def _log_moments(number: Number) -> tuple[float, float]:
    logs = np.log1p(number_at(number, ndtri(np.arange(0.5, 2_000) / 2_000)) - number.quantiles[0])
    return float(logs.mean()), float(logs.std())


_LOG_MOMENTS = {n.name: _log_moments(n) for n in NUMBERS}


def _bell(codes: np.ndarray) -> np.ndarray:
    """Return a fixed, nearly standard normal number for each code: the sum of four hashed bytes."""
    octets = scramble(codes ^ np.uint32(0x9E3779B9)).view(np.uint8).reshape(-1, 4)
    return (octets.sum(axis=1, dtype=np.int64) - 510.0) / 147.8


def _raw_effect(name: str, ranks: np.ndarray) -> np.ndarray:
    return _bell(codes_of(name, ranks)) / np.sqrt(1.0 + ranks / EFFECT_RANKS)


def _effect(name: str, ranks: np.ndarray) -> np.ndarray:
    """Return the effect of each value of a column, with mean 0 and deviation 1 over its rows."""
    mean, deviation = _EFFECT_MOMENTS[name]
    return (_raw_effect(name, ranks) - mean) / deviation


def _effect_moments(category: Category) -> tuple[float, float]:
    effects = _raw_effect(category.name, rank_at(category, np.arange(0.5, 20_000) / 20_000))
    return float(effects.mean()), float(effects.std())


_EFFECT_MOMENTS = {c.name: _effect_moments(c) for c in CATEGORIES}
