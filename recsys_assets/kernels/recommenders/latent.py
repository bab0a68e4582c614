"""Implicit ALS as a recommender: vectors of items, and a user's vector solved from any history.

Vectors of items nobody rated follow from their content: a ridge regression of the other items'
vectors on genres, years and title words (Gantner et al., "Learning attribute-to-feature mappings
for cold-start recommendations", 2010).
"""

from dataclasses import dataclass, replace

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
    """Zero where nobody rated the item."""
    gram: Floats
    content_factors: Floats | None = None
    """By content, where nobody rated the item; zero elsewhere. None where content is unknown."""

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

    def score_all(self, histories: Histories) -> Scores:
        """`score`, and that of items nobody rated by their content."""
        if self.content_factors is None:
            return self.score(histories)
        factors = self.item_factors + self.content_factors
        return np.asarray(self.users(histories) @ factors.T, np.float32)


def fit_latent(catalogue: Catalogue, objective: Objective, seed: int) -> LatentMember:
    """Fit the vectors of both sides and keep those of the items."""
    _, items = fit_factors(catalogue.train.stars, objective, ITERATIONS, seed)
    return LatentMember(objective, items, objective.gram(items))


def with_content(member: LatentMember, catalogue: Catalogue) -> LatentMember:
    """The member with vectors of items nobody rated, where anything is known of them."""
    rated = catalogue.counts() > 0
    if catalogue.content is None or not rated.any() or rated.all():
        return member
    features = content_features(catalogue.content)
    found = np.zeros_like(member.item_factors)
    known = member.item_factors[rated]
    found[~rated] = _from_content(features[rated], known, features[~rated])
    return replace(member, content_factors=found)


def _from_content(known: csr_matrix, vectors: Floats, asked: csr_matrix) -> Floats:
    """Vectors of the items asked for, by ridge regression on the features of known ones."""
    mean = vectors.mean(axis=0)
    penalty = CONTENT_PENALTY * np.eye(known.shape[1])
    weights = np.linalg.solve((known.T @ known).toarray() + penalty, known.T @ (vectors - mean))
    return np.asarray(asked @ weights + mean, np.float32)
