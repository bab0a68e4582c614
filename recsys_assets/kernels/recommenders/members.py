"""The members of the hybrid: cheap models that each see the ratings in their own way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.recommenders.content import fit_content
from recsys_assets.kernels.recommenders.features import item_facts
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, Member
from recsys_assets.kernels.recommenders.latent import fit_latent
from recsys_assets.kernels.recommenders.linear import MOST_COLUMNS, fit_ease
from recsys_assets.kernels.recommenders.neighbours import (
    MOST_USERS,
    fit_item_neighbours,
    fit_user_ridge,
)
from recsys_assets.kernels.recommenders.popularity import Popularity, fit_timed_popularity
from recsys_assets.kernels.recommenders.protocol import Scores

EASE_PENALTY = 300.0
"""The penalty of the EASE that weighs ratings by stars, where nothing chose another."""
LIGHT, HEAVY = 75.0, 1_000.0
"""Penalties of the two plain EASEs: one knows the fine print, the other the broad lines."""
LIGHT_USERS, HEAVY_USERS = 100.0, 400.0
ALS = Objective(rank=48, regularization=0.2, alpha=0.6)


@dataclass(frozen=True)
class ItemMeans:
    """Mean stars of each item, shrunk to the mean of all; the same for everybody."""

    means: NDArray[np.float32]

    def score(self, histories: Histories) -> Scores:
        """The means, for each user."""
        return np.tile(self.means, (len(histories), 1))


def member_fits(catalogue: Catalogue, penalty: float, seed: int) -> dict[str, Callable[[], Member]]:
    """How each member that the size of the data allows is fitted, by name.

    The user side is left out above `MOST_USERS` users, neighbours of items above `MOST_COLUMNS`
    items: their time or memory grows with the square or cube of these numbers.

    Args:
        catalogue: training ratings and content.
        penalty: that of the EASE by stars.
        seed: start of the ALS vectors.
    """
    fits: dict[str, Callable[[], Member]] = {
        "popularity": lambda: Popularity(catalogue.counts()),
        "timed": lambda: fit_timed_popularity(catalogue),
        "ease": lambda: fit_ease(catalogue, penalty, by_stars=True),
        "ease_light": lambda: fit_ease(catalogue, LIGHT, by_stars=False),
        "ease_heavy": lambda: fit_ease(catalogue, HEAVY, by_stars=False),
        "als": lambda: fit_latent(catalogue, ALS, seed),
        "content": lambda: fit_content(catalogue),
        "means": lambda: ItemMeans(item_facts(catalogue).means),
    }
    if len(catalogue.items) <= MOST_COLUMNS:
        fits["items"] = lambda: fit_item_neighbours(catalogue)
    if len(catalogue.users) <= MOST_USERS:
        fits["users_light"] = lambda: fit_user_ridge(catalogue, LIGHT_USERS)
        fits["users_heavy"] = lambda: fit_user_ridge(catalogue, HEAVY_USERS)
    return fits


def fit_members(catalogue: Catalogue, penalty: float, seed: int) -> dict[str, Member]:
    """All members, fitted."""
    return {name: fit() for name, fit in member_fits(catalogue, penalty, seed).items()}
