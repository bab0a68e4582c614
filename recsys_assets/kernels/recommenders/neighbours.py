"""Neighbours: items rated by the same people, and users who rated the same items.

Items: cosine of the columns with a shrinkage, the most similar of each item only.
Users: ridge regression of a user's row on the rows of all others, w = (XX' + lambda I)^-1 X h, the
user-side counterpart of EASE; a user's own row takes no part in their list.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.linear import inverse, rating_marks
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
        return np.asarray((rating_marks(histories.stars) @ self.similarities).toarray(), np.float32)


def fit_item_neighbours(catalogue: Catalogue) -> ItemNeighbours:
    """Cosine with shrinkage, the `NEIGHBOURS` nearest of each item."""
    x = rating_marks(catalogue.train.stars)
    root = np.sqrt(catalogue.counts())
    by_item = x.T.tocsr()
    blocks = []
    for start in range(0, len(root), _COLUMNS_AT_ONCE):
        columns = np.arange(start, min(start + _COLUMNS_AT_ONCE, len(root)))
        together = (by_item @ x[:, columns]).toarray()
        together[columns, np.arange(len(columns))] = 0
        cosine = together / (root[:, np.newaxis] * root[columns] + SHRINKAGE)
        blocks.append(csc_matrix(_nearest(cosine)))
    data = np.concatenate([block.data for block in blocks])
    indices = np.concatenate([block.indices for block in blocks])
    counts = np.concatenate([np.diff(block.indptr) for block in blocks])
    shape = (len(root), len(root))
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return ItemNeighbours(
        csc_matrix((data.astype(np.float32), indices, bounds), shape=shape).tocsr()
    )


def _nearest(cosine: Scores) -> Scores:
    if len(cosine) <= NEIGHBOURS:
        return cosine
    least = -np.partition(-cosine, NEIGHBOURS - 1, axis=0)[NEIGHBOURS - 1]
    return np.where(cosine >= np.maximum(least, 1e-9), cosine, 0)


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
    return UserRidge(marks, inverse((marks @ marks.T).toarray(), penalty))
