"""Implicit ALS as a recommender: vectors of items, and a user's vector solved from any history.

Vectors of items nobody rated follow from their content: a ridge regression of the other items'
vectors on genres, years and title words (Gantner et al., "Learning attribute-to-feature mappings
for cold-start recommendations", 2010).
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.recommenders.content import content_features
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.protocol import Scores
from recsys_assets.kernels.top_k import Floats

ITERATIONS = 8
CONTENT_PENALTY = 10.0
"""Items without a feature that count against each of those that have it."""
FOLD_IN_STEPS = 12
"""Conjugate gradient steps that solve one user's vector: nearly exact."""


@dataclass(frozen=True)
class LatentMember:
    """Item vectors; users are solved on the fly, so a new one needs no fit."""

    objective: Objective
    item_factors: Floats
    gram: Floats

    def users(self, histories: Histories) -> Floats:
        """Vectors of the users behind the histories."""
        start = np.zeros((len(histories), self.objective.rank), np.float32)
        # Rows without ratings are left at their start by the solver.
        return self.objective.solve_block(
            histories.stars, self.item_factors, self.gram, start, FOLD_IN_STEPS
        )

    def score(self, histories: Histories) -> Scores:
        """Inner products of user and item vectors."""
        return np.asarray(self.users(histories) @ self.item_factors.T, np.float32)

    def contributions(self, histories: Histories, column: int) -> Scores:
        """What each rating of one user adds to the score of ``column``.

        With A the matrix of the user's equations, the score is sum_i t_i y_c' A^-1 y_i.
        """
        stars = histories.stars
        rated = self.item_factors[stars.indices].astype(np.float64)
        weight = float(self.objective.alpha or 0) * stars.data.astype(np.float64)
        penalty = self.objective.regularization * len(weight)
        a = self.gram + (rated.T * weight) @ rated + penalty * np.eye(self.objective.rank)
        toward = np.linalg.solve(a, self.item_factors[column].astype(np.float64))
        return np.asarray((1 + weight) * (rated @ toward), np.float32)


def fit_latent(catalogue: Catalogue, objective: Objective, seed: int) -> LatentMember:
    """Fit the vectors of both sides and keep those of the items, those nobody rated by content."""
    _, items = fit_factors(catalogue.train.stars, objective, ITERATIONS, seed)
    gram = objective.gram(items)
    rated = catalogue.counts() > 0
    if catalogue.content is not None and rated.any() and not rated.all():
        features = content_features(catalogue.content)
        items[~rated] = _from_content(features[rated], items[rated], features[~rated])
    return LatentMember(objective, items, gram)


def _from_content(known: csr_matrix, vectors: Floats, asked: csr_matrix) -> Floats:
    """Vectors of the items asked for, by ridge regression on the features of known ones."""
    mean = vectors.mean(axis=0)
    penalty = CONTENT_PENALTY * np.eye(known.shape[1])
    weights = np.linalg.solve((known.T @ known).toarray() + penalty, known.T @ (vectors - mean))
    return np.asarray(asked @ weights + mean, np.float32)
