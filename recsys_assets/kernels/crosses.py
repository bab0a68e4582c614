"""Which pairs of columns belong together: those that explain what single columns leave over.

    training rows -> additive effects -> residuals -> score of every pair -> the best disjoint pairs

The rule: under the additive model the residuals in a cell of a pair add up to about nothing. For
every pair of columns, numbers binned, the score

    z = sum over cells (S^2 - V) / sqrt(2 * sum over cells V^2)

with S the residuals and V their variance in the cell, is about standard normal where the pair has
no effect of its own (the score test of a variance component; Lin, "Variance component testing in
generalised linear models with random effects", 1997). The highest scores above `LEAST_SCORE` win,
each column in one pair at most.
"""

from itertools import combinations

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from recsys_assets.kernels.click_fields import LABEL
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.effects import fit_effects
from recsys_assets.kernels.encode import Encoder
from recsys_assets.kernels.levels import cross_name
from recsys_assets.kernels.tally import count_categories

LEAST_SCORE = 3.8
"""By chance one of the 741 pairs exceeds it in one data set of twenty."""
CELLS = 1 << 16
"""Cells that the values of a pair are hashed to."""


def choose_crosses(rows: pl.DataFrame, most: int, min_count: int = 10) -> tuple[str, ...]:
    """Names of the pairs that have effects of their own, the strongest first.

    Args:
        rows: a sample of training rows: label, numbers and categories.
        most: pairs at most.
        min_count: values with fewer rows are taken together.
    """
    if most < 1 or rows.is_empty():
        return ()
    return disjoint(pair_scores(rows, min_count), most)


def disjoint(scores: dict[str, float], most: int) -> tuple[str, ...]:
    """The pairs with the highest scores above the least one, no column in two of them."""
    chosen: list[str] = []
    taken: set[str] = set()
    for pair, score in sorted(scores.items(), key=lambda item: -item[1]):
        columns = set(pair.split("*"))
        if score >= LEAST_SCORE and len(chosen) < most and not columns & taken:
            chosen.append(pair)
            taken |= columns
    return tuple(chosen)


def pair_scores(rows: pl.DataFrame, min_count: int) -> dict[str, float]:
    """Score of every pair of columns."""
    one_fold = rows.with_columns(pl.lit(0, pl.Int8).alias(FOLD))
    encoder = Encoder(count_categories(one_fold, min_count=min_count), smoothing=1.0)
    levels = encoder.levels(rows)
    label = rows[LABEL].cast(pl.Int8).to_numpy()
    margin = fit_effects(levels, encoder.level_sizes, label).margin(levels)
    probability = 1.0 / (1.0 + np.exp(-margin.astype(np.float64)))
    residual, variance = label - probability, probability * (1.0 - probability)
    names = encoder.level_columns
    return {
        cross_name(names[i], names[j]): _score(levels[i], levels[j], residual, variance)
        for i, j in combinations(range(len(names)), 2)
    }


def _score(
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    residual: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> float:
    sums, spreads = _cells(first, second, residual, variance)
    return float((sums**2 - spreads).sum() / np.sqrt(2.0 * (spreads**2).sum()))


@njit(cache=True, nogil=True)
def _cells(first, second, residual, variance):  # type: ignore[no-untyped-def]
    sums, spreads = np.zeros(CELLS), np.zeros(CELLS)
    for row in range(first.size):
        mixed = np.uint32(first[row]) * np.uint32(0x9E3779B1) + np.uint32(second[row])
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x85EBCA6B)
        cell = (mixed >> np.uint32(8)) & np.uint32(CELLS - 1)
        sums[cell] += residual[row]
        spreads[cell] += variance[row]
    return sums, spreads
