"""What says something about the stars of a pair, each member in its own way.

The members explain what the biases of user and item leave: ALS on the residuals, neighbours among
items and among users by shrunk correlation of residuals, and a ridge of each user's residuals on
genres. The interest that EASE finds in a pair tells of its stars, too.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.biases import estimate_biases
from recsys_assets.kernels.recommenders.features import ItemFacts, item_facts
from recsys_assets.kernels.recommenders.histories import USERS_AT_ONCE, Catalogue
from recsys_assets.kernels.recommenders.linear import (
    MOST_COLUMNS,
    EaseMember,
    fit_ease,
    rating_marks,
)
from recsys_assets.kernels.recommenders.members import EASE_PENALTY
from recsys_assets.kernels.recommenders.neighbours import MOST_USERS, nearest_columns
from recsys_assets.kernels.recommenders.products import sparse_by_sparse
from recsys_assets.kernels.recommenders.protocol import Scores

BIAS_SHRINKAGE = 5.0
RESIDUALS = Objective(rank=16, regularization=0.15)
ITERATIONS = 8
CORRELATION_SHRINKAGE = 3.0
"""Stars squared that pull a correlation of residuals to 0."""
VOTE_SHRINKAGE = 1.0
GENRE_PENALTY = 5.0
FEATURES = (
    *("base", "latent", "item_votes", "user_votes", "genre_taste", "interest"),
    *("user_bias", "item_bias", "user_ratings", "item_ratings", "year", "base_and_latent"),
)


@dataclass(frozen=True)
class RatingMembers:
    """Everything that says something about the stars of a pair, fitted on one training part."""

    mean: float
    user_bias: NDArray[np.float32]
    item_bias: NDArray[np.float32]
    residuals: csr_matrix
    user_factors: Scores
    item_factors: Scores
    item_votes: csr_matrix | None
    """Items x items, correlations above 0; None where there are too many."""
    user_votes: Scores | None
    """Users x users, correlations above 0; None where there are too many."""
    genre_tastes: Scores
    """Users x genres: stars that a genre adds."""
    genres: Scores
    """Items x genres, rows of length 1 at most."""
    ease: EaseMember
    facts: ItemFacts
    catalogue: Catalogue

    def features(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        """Features of pairs of user rows and item columns, in the order given."""
        out = np.empty((len(rows), len(FEATURES)), np.float32)
        for start in range(0, len(self.user_bias), USERS_AT_ONCE):
            inside = np.flatnonzero((rows >= start) & (rows < start + USERS_AT_ONCE))
            if len(inside):
                out[inside] = self._of_block(start, rows[inside], columns[inside])
        return out

    def _of_block(self, start: int, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Scores:
        block = slice(start, min(start + USERS_AT_ONCE, len(self.user_bias)))
        at = (rows - start, columns)
        facts, history = self.facts, self.catalogue.train.part(block)
        none = np.full(len(rows), np.nan, np.float32)
        by_items = by_users = none
        if self.item_votes is not None:
            by_items = _votes(self.residuals[block], self.item_votes)[at]
        if self.user_votes is not None:
            by_users = _votes(self.user_votes[block], self.residuals)[at]
        latent = (self.user_factors[rows] * self.item_factors[columns]).sum(axis=1)
        taste = (self.genre_tastes[rows] * self.genres[columns]).sum(axis=1)
        known = [np.diff(history.stars.indptr)[at[0]], facts.ratings[columns]]
        base = self.mean + self.user_bias[rows] + self.item_bias[columns]
        parts = [base, latent, by_items, by_users, taste, self.ease.score(history)[at]]
        parts += [self.user_bias[rows], self.item_bias[columns], *np.log1p(known)]
        return np.column_stack([*parts, facts.years[columns], base + latent]).astype(np.float32)


def _votes(own: csr_matrix | Scores, others: csr_matrix) -> Scores:
    """Means of residuals weighted by correlation, shrunk towards 0.

    One of the two holds residuals or correlations as a sparse matrix, zero where nothing is known.
    """
    if isinstance(own, csr_matrix):
        total, weight = (sparse_by_sparse(each, others) for each in (own, rating_marks(own)))
    else:
        total, weight = own @ others, own @ rating_marks(others)
    return np.asarray(total / (weight + VOTE_SHRINKAGE), np.float32)


def fit_rating_members(catalogue: Catalogue, seed: int) -> RatingMembers:
    """Fit every member on the catalogue's training ratings."""
    stars = catalogue.train.stars
    biases = estimate_biases(stars, BIAS_SHRINKAGE)
    left = biases.left_of(stars)
    users, items = fit_factors(left, RESIDUALS, ITERATIONS, seed)
    facts = item_facts(catalogue)
    genres = facts.genres / np.sqrt(np.maximum(facts.genres.sum(axis=1, keepdims=True), 1))
    return RatingMembers(
        biases.mean,
        biases.users,
        biases.items,
        left,
        users,
        items,
        _correlations(left.T.tocsr()) if stars.shape[1] <= MOST_COLUMNS else None,
        _correlations(left).toarray() if stars.shape[0] <= MOST_USERS else None,
        _tastes(left, genres),
        genres,
        fit_ease(catalogue, EASE_PENALTY, by_stars=False),
        facts,
        catalogue,
    )


def _correlations(residuals: csr_matrix) -> csr_matrix:
    """Correlations of the rows over what both have, shrunk, the nearest above 0 of each column."""
    squares, marks = residuals.multiply(residuals).tocsr(), rating_marks(residuals)
    turned = [matrix.T.tocsr() for matrix in (residuals, marks, squares)]

    def of_columns(columns: NDArray[np.int64]) -> Scores:
        """Some of the rows x all rows."""
        product = (residuals[columns] @ turned[0]).toarray()
        own = (squares[columns] @ turned[1]).toarray()
        other = (marks[columns] @ turned[2]).toarray()
        np.multiply(own, other, out=own)
        np.sqrt(own, out=own)
        own += np.float32(CORRELATION_SHRINKAGE)
        return np.asarray(np.divide(product, own, out=product), np.float32)

    return nearest_columns(residuals.shape[0], of_columns)


def _tastes(residuals: csr_matrix, genres: Scores) -> Scores:
    """Ridge of each user's residuals on the genres of what they rated."""
    tastes = np.zeros((residuals.shape[0], genres.shape[1]), np.float32)
    penalty = GENRE_PENALTY * np.eye(genres.shape[1])
    for user, (start, end) in enumerate(pairwise(residuals.indptr)):
        seen = genres[residuals.indices[start:end]]
        if len(seen):
            right = seen.T @ residuals.data[start:end]
            tastes[user] = np.linalg.solve(seen.T @ seen + penalty, right)
    return tastes
