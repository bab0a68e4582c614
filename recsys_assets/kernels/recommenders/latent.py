"""Implicit ALS as a recommender: vectors of items, and a user's vector solved from any history."""

from dataclasses import dataclass

import numpy as np

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.protocol import Scores
from recsys_assets.kernels.top_k import Floats

ITERATIONS = 8
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
    """Fit the vectors of both sides and keep those of the items."""
    _, items = fit_factors(catalogue.train.stars, objective, ITERATIONS, seed)
    return LatentMember(objective, items, objective.gram(items))
