"""Neighbours: items rated by the same people, and users who rated the same items.

Items: cosine of the columns with a shrinkage, the most similar of each item only.
Users: ridge regression of a user's row on the rows of all others, w = (XX' + lambda I)^-1 X h, the
user-side counterpart of EASE; a user's own row takes no part in their list.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.linear import inverse, rating_marks
from recsys_assets.kernels.recommenders.products import (
    gram_upper,
    mirror_upper,
    sparse_by_sparse,
)
from recsys_assets.kernels.recommenders.protocol import Scores

NEIGHBOURS = 200
SHRINKAGE = 20.0
MOST_USERS = 8_192
"""Users up to which the user side is fitted: it inverts a matrix of users x users."""
_COLUMNS_AT_ONCE = 1_024


@dataclass(frozen=True)
class ItemNeighbours:
    """Similarities of each item's nearest others."""

    similarities: csr_matrix
    """Items x items; a column holds the neighbours of its item."""

    def score(self, histories: Histories) -> Scores:
        """Sum of the similarities to what the user rated."""
        return np.asarray(
            sparse_by_sparse(rating_marks(histories.stars), self.similarities), np.float32
        )


def fit_item_neighbours(catalogue: Catalogue) -> ItemNeighbours:
    """Cosine with shrinkage, the `NEIGHBOURS` nearest of each item."""
    root = np.sqrt(catalogue.counts())
    together = mirror_upper(gram_upper(rating_marks(catalogue.train.stars)))

    def cosines(columns: NDArray[np.int64]) -> Scores:
        likeness = together[columns] / (root[columns, np.newaxis] * root + SHRINKAGE)
        return np.asarray(likeness, np.float32)

    return ItemNeighbours(nearest_columns(len(root), cosines))


def nearest_columns(size: int, similarities: Callable[[NDArray[np.int64]], Scores]) -> csr_matrix:
    """A symmetric matrix cut to the `NEIGHBOURS` greatest similarities of each column, above 0.

    Args:
        size: rows and columns.
        similarities: of the columns asked for to all, a row each; what it says of a column to
            itself is ignored.
    """
    blocks = [csr_matrix((0, size), dtype=np.float32)]
    for start in range(0, size, _COLUMNS_AT_ONCE):
        columns = np.arange(start, min(start + _COLUMNS_AT_ONCE, size))
        values = similarities(columns)
        values[np.arange(len(columns)), columns] = 0
        if size > NEIGHBOURS:
            least = np.partition(values, size - NEIGHBOURS, axis=1)[:, size - NEIGHBOURS]
            values[values < least[:, np.newaxis]] = 0
        np.maximum(values, 0, out=values)
        blocks.append(csr_matrix(values))
    return vstack(blocks).T.tocsr().astype(np.float32)


@dataclass(frozen=True)
class UserRidge:
    """Users and the inverse that explains one by the others."""

    marks: csr_matrix
    """Users x items, 1 where rated."""
    inverse: NDArray[np.floating]

    def score(self, histories: Histories) -> Scores:
        """What the users who explain this one rated, by their weights."""
        together = (rating_marks(histories.stars) @ self.marks.T).toarray()
        weights = together @ self.inverse
        known = np.flatnonzero(histories.rows >= 0)
        weights[known, histories.rows[known]] = 0
        return np.asarray(weights @ self.marks, np.float32)


def fit_user_ridge(catalogue: Catalogue, penalty: float) -> UserRidge:
    """The user side with a penalty in units of ratings."""
    marks = rating_marks(catalogue.train.stars)
    return UserRidge(marks, inverse(gram_upper(marks.T.tocsr()), penalty))
