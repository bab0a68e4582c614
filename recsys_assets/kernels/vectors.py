"""Factor vectors of users and items as arrays; ids go in, rows of matrices come out."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.top_k import Floats, Ints

MOST_USERS = 4096
"""Users that are worked on together at most: their scores of all items lie in memory at once."""


@dataclass(frozen=True)
class Vectors:
    """Vectors of users and items, each by ascending id; a pair's score is the inner product."""

    users: Ints
    items: Ints
    user_factors: Floats
    item_factors: Floats

    def user_blocks(self, workers: int) -> list[tuple[int, int]]:
        """Ranges of users to be worked on together; as many as workers, if not more."""
        size = min(MOST_USERS, max(1, -(-len(self.users) // workers)))
        starts = range(0, len(self.users), size)
        return [(start, min(start + size, len(self.users))) for start in starts]

    def places(
        self, users: Ints, items: Ints
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Rows of users and items in the matrices, and whether both are known."""
        user, user_known = places_of(users, self.users)
        item, item_known = places_of(items, self.items)
        return user, item, user_known & item_known

    def matrix(self, users: Ints, items: Ints, values: ArrayLike = 1.0) -> csr_matrix:
        """Users × items, the values at the given pairs; those with an unknown side are left out.

        Args:
            users: ids of the pairs' users.
            items: ids of the pairs' items.
            values: one for all pairs, or one each.
        """
        user, item, known = self.places(users, items)
        data = np.broadcast_to(np.asarray(values, np.float32), user.shape)[known]
        shape = (len(self.users), len(self.items))
        return csr_matrix((data, (user[known], item[known])), shape=shape)


def places_of(
    asked: NDArray[np.integer], known: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions of ids among ascending known ones, and whether they are there."""
    if not len(known):
        return np.zeros(len(asked), np.int64), np.zeros(len(asked), bool)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return place, known[place] == asked


def factor_matrix(vectors: pl.Series) -> Floats:
    """Lists of one length as a matrix, a row each."""
    width = len(vectors[0]) if len(vectors) else 0
    flat = vectors.explode(empty_as_null=False).to_numpy()
    return np.asarray(flat, np.float32).reshape(len(vectors), width)


def factor_lists(matrix: Floats) -> pl.Series:
    """The rows of a matrix as lists; the inverse of `factor_matrix`."""
    return pl.Series(np.ascontiguousarray(matrix, np.float32)).arr.to_list()
