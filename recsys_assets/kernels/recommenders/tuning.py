"""The EASE penalty by an inner split of the training part, over a small grid."""

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.histories import USERS_AT_ONCE, Catalogue
from recsys_assets.kernels.recommenders.inner import inner_splits
from recsys_assets.kernels.recommenders.linear import fit_ease
from recsys_assets.kernels.recommenders.members import EASE_PENALTY
from recsys_assets.kernels.top_k import NO_ITEM, Ints

PENALTIES = (100.0, 200.0, 400.0, 800.0)
LARGEST_TUNED = 4_096
"""Side of the inverted matrix up to which the grid is tried; above it `EASE_PENALTY` is used."""
_K = 10


def choose_penalty(catalogue: Catalogue, seed: int) -> float:
    """The penalty with the greatest nDCG@10 on an inner split."""
    side = min(len(catalogue.users), len(catalogue.items))
    if side > LARGEST_TUNED or catalogue.train.stars.nnz < 1_000:
        return EASE_PENALTY
    inner, held_out = next(inner_splits(catalogue, 1, seed))
    found = {}
    for penalty in PENALTIES:
        member = fit_ease(inner, penalty, by_stars=True)
        total = 0.0
        for start in range(0, len(inner.users), USERS_AT_ONCE):
            rows = slice(start, start + USERS_AT_ONCE)
            histories = inner.train.part(rows)
            places, _ = best_places(member.score(histories), _K, histories.seen())
            total += _gain(places, held_out[rows].toarray() > 0)
        found[penalty] = total
    return max(found, key=lambda penalty: found[penalty])


def _gain(places: Ints, truth: NDArray[np.bool_]) -> float:
    """Sum of the users' nDCG@10."""
    hits = np.take_along_axis(truth, places, 1) & (places != NO_ITEM)
    discount = 1 / np.log2(np.arange(2, _K + 2))
    ideal = np.concatenate([[np.inf], np.cumsum(discount)])
    return float(((hits @ discount) / ideal[np.minimum(truth.sum(axis=1), _K)]).sum())
