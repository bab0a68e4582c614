"""Drift: how far a column has moved from what it was.

    reference values -> bins -> shares of both samples -> PSI and KS

A number falls into bins that hold equal shares of the reference, a category into its most frequent
values and one bin for all others; what is missing has a bin of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HALF_A_ROW = 0.5
"""Added to every bin, so that an empty one has a logarithm."""


@dataclass(frozen=True)
class Shift:
    """How far one column of a sample is from the reference."""

    psi: float
    """Population stability index; 0 for the same shares."""
    ks: float
    """Greatest gap between the cumulative shares, 0 to 1; of categories, between the shares."""


def population_stability_index(reference: ArrayLike, current: ArrayLike) -> float:
    """Sum over bins of ``(q - p) * ln(q / p)``: both directions of the Kullback-Leibler divergence.

    As a rule of credit scoring, below 0.1 little has changed and above 0.25 much has (Siddiqi,
    "Credit Risk Scorecards", 2006).

    Args:
        reference: rows in each bin; ``p`` are its shares, half a row added to each bin.
        current: rows in the same bins; ``q`` are its shares.

    Raises:
        ValueError: no bins, different bins, or a sample without rows.
    """
    p, q = _shares(reference, current, HALF_A_ROW)
    return float(((q - p) * np.log(q / p)).sum())


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> float:
    """Greatest distance between two cumulative distributions.

    Args:
        reference: rows at each value (or in each bin), values ascending.
        current: rows at the same values.

    Raises:
        ValueError: no bins, different bins, or a sample without rows.
    """
    p, q = _shares(reference, current, 0.0)
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max())


def chance_psi(bins: int, reference_rows: int, rows: int) -> float:
    """PSI that two samples of one distribution have on average.

    ``(bins - 1) * (1 / m + 1 / n)``, after Yurdakul, "Statistical Properties of Population
    Stability Index" (2018).
    """
    return (bins - 1) * (1.0 / reference_rows + 1.0 / rows)


def number_shift(reference: pl.Series, current: pl.Series, bins: int = 10) -> Shift:
    """Shift of a numeric column.

    PSI over bins that hold equal shares of the reference; KS over all values that are there.

    Raises:
        ValueError: a sample has no rows.
    """
    old, new = (column.drop_nulls().cast(pl.Float64).to_numpy() for column in (reference, current))
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(old, inner)) if old.size else np.zeros(0)
    counts = [
        np.append(np.bincount(np.searchsorted(edges, values), minlength=edges.size + 1), missing)
        for values, missing in ((old, reference.null_count()), (new, current.null_count()))
    ]
    ks = 0.0
    if old.size and new.size:
        values = np.unique(np.concatenate([old, new]))
        ks = kolmogorov_smirnov(
            *(np.bincount(np.searchsorted(values, x), minlength=values.size) for x in (old, new))
        )
    return Shift(population_stability_index(*counts), ks)


def category_shift(reference: pl.Series, current: pl.Series, values: int = 20) -> Shift:
    """Shift of a category: its most frequent values, all others, and what is missing.

    Categories have no order, so that the KS is the greatest gap between the shares of one value.

    Raises:
        ValueError: a sample has no rows.
    """
    name = reference.name
    frequent = reference.drop_nulls().value_counts().sort(["count", name], descending=[True, False])
    kept = frequent[name].head(values).to_list()
    counts = [_counts(column, kept) for column in (reference, current)]
    p, q = _shares(counts[0], counts[1], 0.0)
    return Shift(population_stability_index(counts[0], counts[1]), float(np.abs(p - q).max()))


def new_share(known: pl.Series, current: pl.Series) -> float:
    """Share of the distinct values of a sample, which has rows, that were never seen before."""
    distinct = current.unique()
    return float(np.mean(~distinct.is_in(known.implode()).to_numpy()))


def _counts(column: pl.Series, kept: Sequence[object]) -> NDArray[np.int64]:
    rows = dict(column.value_counts().iter_rows())
    own = [int(rows.get(value, 0)) for value in kept]
    others = len(column) - column.null_count() - sum(own)
    return np.array([*own, others, column.null_count()], np.int64)


def _shares(reference: ArrayLike, current: ArrayLike, added: float) -> tuple[Floats, Floats]:
    p, q = (np.asarray(counts, np.float64) for counts in (reference, current))
    if p.shape != q.shape or p.ndim != 1 or not p.size:
        raise ValueError(f"the samples have {p.shape} and {q.shape} bins: they must be the same")
    if not p.sum() or not q.sum():
        raise ValueError("a sample has no rows")
    p, q = p + added, q + added
    return p / p.sum(), q / q.sum()
