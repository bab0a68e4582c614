"""Draws the fields of click rows: integers, and ranks of categorical values with their codes.

One hidden number per row, the visitor's engagement, moves all columns together (a one-factor
Gaussian copula), so that the columns of a row are partly redundant, as real ones are. Arrays of
one entry per row go out; nothing here knows about clicks.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from recsys_assets.synthetic.criteo_profile import CATEGORIES, NUMBERS, TOPICS, Category, Number

_QUANTILE_SCORES = ndtri([1 / 8_000, 0.25, 0.5, 0.75, 0.99, 1 - 1 / 8_000, 1 - 1 / 45_840_617])
_POSITIONS = {c.name: position for position, c in enumerate(CATEGORIES, start=1)}


def draw_numbers(rng: np.random.Generator, engagement: np.ndarray) -> dict[str, np.ndarray]:
    """Return the integers of every column."""
    return {n.name: number_at(n, _score(rng, n.loading, engagement)) for n in NUMBERS}


def _score(rng: np.random.Generator, loading: float, engagement: np.ndarray) -> np.ndarray:
    """Return a standard normal score with correlation `loading`: a one-factor Gaussian copula."""
    return loading * engagement + np.sqrt(1.0 - loading**2) * rng.standard_normal(len(engagement))


def number_at(number: Number, score: np.ndarray) -> np.ndarray:
    """Return the value at a normal score: log-linear between the quantiles of the column."""
    least = number.quantiles[0]
    logs = np.log1p(np.array(number.quantiles) - least)
    return np.rint(np.expm1(np.interp(score, _QUANTILE_SCORES, logs))).astype(np.int64) + least


def draw_ranks(rng: np.random.Generator, engagement: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rank by frequency, from 0, of the value in every categorical column."""
    topics = {name: ndtr(_score(rng, loading, engagement)) for name, loading in TOPICS.items()}
    ranks = {}
    for c in CATEGORIES:
        draw = rng.random(len(engagement))
        if c.topic:
            # One draw serves twice: below the agreement it says "follow", above it is uniform.
            own = (draw - c.agreement) / max(1.0 - c.agreement, 1e-12)
            draw = np.where(draw < c.agreement, topics[c.topic], own)
        ranks[c.name] = rank_at(c, draw)
    return ranks


def rank_at(category: Category, share: np.ndarray) -> np.ndarray:
    """Return the rank at a cumulative share: the head, then a truncated Zipf-Mandelbrot tail.

    The tail is the inverse of F(x) = (1 - (1 + x/q)^(1-s)) / (1 - (1 + M/q)^(1-s)) on [0, M) with
    exponent s, offset q and M = values - 1; rank 1 + floor(x).
    """
    tail = np.maximum(share - category.head, 0.0) / (1.0 - category.head)
    power = 1.0 - category.exponent
    most = category.values - 1
    reach = np.expm1(power * np.log1p(most / category.offset))
    x = category.offset * np.expm1(np.log1p(tail * reach) / power)
    rank = 1 + np.minimum(x.astype(np.uint32), np.uint32(most - 1))
    return np.where(share < category.head, np.uint32(0), rank)


def codes_of(name: str, ranks: np.ndarray) -> np.ndarray:
    """Return the 32-bit code of each value; no two values of a column share one."""
    return scramble(ranks ^ np.uint32(_POSITIONS[name] << 26))


def scramble(keys: np.ndarray) -> np.ndarray:
    """Mix 32-bit keys one to one (the finalizer of MurmurHash3, Appleby): no two keys collide."""
    keys = keys ^ (keys >> np.uint32(16))
    keys = keys * np.uint32(0x85EBCA6B)
    keys = keys ^ (keys >> np.uint32(13))
    keys = keys * np.uint32(0xC2B2AE35)
    return keys ^ (keys >> np.uint32(16))
