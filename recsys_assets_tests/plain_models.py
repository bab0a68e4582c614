"""Models small enough to be right at a glance, to prove the harness that judges all others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recsys_assets.kernels.recommenders.protocol import Ids, RatingData, Recommender, Scores
from recsys_assets.kernels.vectors import places_of


@dataclass(frozen=True)
class Fitted:
    name: str
    recommender: Recommender
    fit_seconds: float = 0.0


@dataclass(frozen=True)
class Popularity:
    items: Ids
    counts: Scores

    def scores(self, users: Ids) -> Scores:
        return np.tile(self.counts, (len(users), 1))


@dataclass(frozen=True)
class Ease:
    """Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (2019)."""

    items: Ids
    users: Ids
    stars: csr_matrix
    weights: Scores

    def scores(self, users: Ids) -> Scores:
        row, known = places_of(users, self.users)
        scores = _rated(self.stars[row]) @ self.weights
        scores[~known] = 0.0
        return np.asarray(scores, np.float32)


@dataclass(frozen=True)
class Constant:
    """The same scores for everybody, whatever they are."""

    items: Ids
    values: Scores

    def scores(self, users: Ids) -> Scores:
        return np.tile(self.values, (len(users), 1))


def fit_popularity(data: RatingData) -> Popularity:
    return Popularity(data.items, np.diff(data.stars.tocsc().indptr).astype(np.float32))


def fit_ease(data: RatingData, regularization: float) -> Ease:
    rated = _rated(data.stars).toarray().astype(np.float64)
    # With fewer users than items, the inverse of items x items follows from one of users x users.
    between_users = rated @ rated.T + regularization * np.eye(len(rated))
    inverse = -rated.T @ np.linalg.solve(between_users, rated)
    inverse[np.diag_indices_from(inverse)] += 1.0
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return Ease(data.items, data.users, data.stars, weights.astype(np.float32))


def fit_plain(data: RatingData) -> Iterator[Fitted]:
    yield Fitted("popularity", fit_popularity(data))
    yield Fitted("ease", fit_ease(data, 200.0))


def _rated(stars: csr_matrix) -> csr_matrix:
    ones = np.ones(len(stars.data), np.float32)
    return csr_matrix((ones, stars.indices, stars.indptr), shape=stars.shape)
