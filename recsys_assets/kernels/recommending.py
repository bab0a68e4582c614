"""Personal lists with reasons: vectors and ratings in, the rows of each user out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.kernels.top_k import NO_ITEM, Floats, Ints, ranked_rows, top_k, unit_rows
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
        reasons = [self._reasons(*of_user) for of_user in zip(rows.tolist(), indices, strict=True)]
        reason = np.concatenate(reasons)[indices.ravel() != NO_ITEM]
        ids = np.append(self.vectors.items, 0)[reason]
        return lists.rename({"owner": "user"}).with_columns(
            reason_item=pl.Series(ids).replace(0, None)
        )

    def _reasons(self, row: int, items: Ints) -> Ints:
        """Of the user's better-rated half, the item most like each recommended one, by cosine."""
        start, end = self.stars.indptr[row : row + 2]
        rated, stars = self.stars.indices[start:end], self.stars.data[start:end]
        if not len(rated):
            return np.full(len(items), NO_ITEM, np.int32)
        liked = rated[stars >= np.median(stars)]
        nearness = self.directions[items] @ self.directions[liked].T
        return liked[nearness.argmax(axis=1)]


def similar_items(vectors: Vectors, k: int) -> pl.DataFrame:
    """Each item's k most similar others by the cosine of their vectors.

    Returns:
        item, rank, similar_item, similarity; by item, then rank.
    """
    directions = unit_rows(vectors.item_factors)
    blocks = Vectors(vectors.items, vectors.items, directions, directions).user_blocks()
    return pl.concat(
        [
            _similar_of_block(vectors.items, directions, np.arange(*block, dtype=np.int32), k)
            for block in blocks
        ]
    )


def _similar_of_block(items: Ints, directions: Floats, rows: Ints, k: int) -> pl.DataFrame:
    ones = np.ones(len(rows), np.float32)
    itself = csr_matrix((ones, (np.arange(len(rows)), rows)), shape=(len(rows), len(items)))
    indices, cosines = top_k(directions[rows], directions, k, itself)
    lists = ranked_rows(items[rows], items, indices, cosines)
    names = {"owner": "item", "item": "similar_item", "score": "similarity"}
    return lists.rename(names).select("item", "rank", "similar_item", "similarity")
