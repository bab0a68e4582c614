"""Personal lists with reasons: vectors and ratings in, the rows of each user out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numba import njit
from scipy.sparse import csr_matrix, identity

from recsys_assets.kernels.inner_products import top_k
from recsys_assets.kernels.top_k import NO_ITEM, Floats, ranked_rows, unit_rows
from recsys_assets.kernels.vectors import Vectors


@dataclass(frozen=True)
class TopKTask:
    """Vectors and ratings from which lists with reasons are made."""

    vectors: Vectors
    stars: csr_matrix
    """Users × items: the stars of every rated pair; none of them is recommended again."""
    k: int

    @cached_property
    def directions(self) -> Floats:
        """Item vectors of length 1."""
        return unit_rows(self.vectors.item_factors)

    def lists_of_block(self, block: tuple[int, int]) -> pl.DataFrame:
        """Lists of a range of users: user, rank, item, score, reason_item."""
        rows = np.arange(*block)
        indices, scores = top_k(
            self.vectors.user_factors[rows], self.vectors.item_factors, self.k, self.stars[rows]
        )
        lists = ranked_rows(self.vectors.users[rows], self.vectors.items, indices, scores)
        stars = self.stars[rows]
        reasons = np.full_like(indices, NO_ITEM)
        _find_reasons(stars.indptr, stars.indices, stars.data, self.directions, indices, reasons)
        reason = reasons[indices != NO_ITEM]
        ids = np.append(self.vectors.items, 0)[reason]
        return lists.rename({"owner": "user"}).with_columns(
            reason_item=pl.Series(ids).replace(0, None)
        )


def similar_items(vectors: Vectors, k: int) -> pl.DataFrame:
    """Each item's k most similar others by the cosine of their vectors.

    Returns:
        item, rank, similar_item, similarity; by item, then rank.
    """
    items, directions = vectors.items, unit_rows(vectors.item_factors)
    itself = identity(len(items), np.float32, "csr")
    indices, cosines = top_k(directions, directions, k, itself)
    lists = ranked_rows(items, items, indices, cosines)
    names = {"owner": "item", "item": "similar_item", "score": "similarity"}
    return lists.rename(names).select("item", "rank", "similar_item", "similarity")


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _find_reasons(  # type: ignore[no-untyped-def]
    starts, rated, stars, directions, recommended, reasons
):
    """Of a user's better-rated half, the item most like each recommended one, by cosine.

    Args:
        starts: where the ratings of each user start.
        rated: items of the ratings.
        stars: what the users gave them.
        directions: item vectors of length 1.
        recommended: users × k, items.
        reasons: users × k; written where a user has rated something.
    """
    for user in range(len(recommended)):
        own = slice(starts[user], starts[user + 1])
        if starts[user] == starts[user + 1]:
            continue
        liked = rated[own][stars[own] >= np.median(stars[own])]
        for place in range(recommended.shape[1]):
            item, nearest = recommended[user, place], np.float32(-2.0)
            if item == NO_ITEM:
                break
            for other in liked:
                cosine = np.float32(0.0)
                for f in range(directions.shape[1]):
                    cosine += directions[item, f] * directions[other, f]
                if cosine > nearest:
                    nearest = cosine
                    reasons[user, place] = other
