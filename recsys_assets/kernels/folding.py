"""A user the model has never seen: their vector from their ratings and the items' vectors alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.top_k import Floats, Ints, unit_rows
from recsys_assets.kernels.vectors import places_of


@dataclass(frozen=True)
class FoldIn:
    """Vectors of items and the settings they were learned with, in the implicit ranking task."""

    items: Ints
    """Ids, ascending."""
    factors: Floats
    """Items × factors."""
    alpha: float
    """Confidence in a rated pair is 1 + alpha × stars."""
    regularization: float
    """Weight of the penalty; multiplied by the number of ratings."""

    @cached_property
    def gram(self) -> NDArray[np.float64]:
        """Inner products of the items' factors with one another, factors × factors."""
        wide = self.factors.astype(np.float64)
        return wide.T @ wide

    @cached_property
    def directions(self) -> Floats:
        """Item vectors of length 1."""
        return unit_rows(self.factors)

    def vector(self, places: NDArray[np.int64], stars: NDArray[np.float32]) -> Floats:
        """The vector of a user who rated the items in these rows.

        It solves ``(Y'Y + sum alpha r y y' + lambda n I) x = sum (1 + alpha r) y``, the step by
        which ALS finds a user's vector: Hu, Koren and Volinsky, "Collaborative Filtering for
        Implicit Feedback Datasets" (2008), with the penalty in proportion to the user's ratings.
        """
        rated = self.factors[places].astype(np.float64)
        weight = self.alpha * stars.astype(np.float64)
        penalty = self.regularization * len(places) * np.eye(self.factors.shape[1])
        left = self.gram + (rated * weight[:, np.newaxis]).T @ rated + penalty
        right = rated.T @ (1.0 + weight)
        return np.linalg.solve(left, right).astype(np.float32)

    def scores(self, vector: Floats) -> Floats:
        """Score of every item."""
        product: Floats = self.factors @ vector
        return product

    def places(self, items: Ints) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rows of items, and whether they are known."""
        return places_of(items, self.items)

    def reasons(
        self, places: NDArray[np.int64], stars: NDArray[np.float32], best: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Of the better-rated half, the item most like each recommended one, by cosine."""
        liked = places[stars >= np.median(stars)]
        nearness = self.directions[best] @ self.directions[liked].T
        return liked[nearness.argmax(axis=1)]
