"""What is said of a rating before any taste: how good the item is, how generous the user.

    b_i = sum over users (r_ui - mean - b_u) / (n_i + shrinkage)
    b_u = sum over items (r_ui - mean - b_i) / (n_u + shrinkage)

in turn, a few times from b_u = 0: the baseline estimates of Koren and Bell, "Advances in
collaborative filtering" (2011), section 3.2, fitted by alternating least squares. The shrinkage
pulls those with few ratings towards the mean.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.vectors import places_of

ROUNDS = 3


@dataclass(frozen=True)
class Biases:
    """Deviations from the mean rating, in stars."""

    mean: float
    users: pl.DataFrame
    """id, bias; by id."""
    items: pl.DataFrame
    """id, bias; by id."""


def estimate_biases(ratings: pl.DataFrame, shrinkage: float) -> Biases:
    """Biases of all users and items.

    Args:
        ratings: user, item, rating; in an order that is the same every time, since sums of
            floats depend on it in their last digits.
        shrinkage: weight of the mean, as a number of ratings.

    Raises:
        ValueError: no ratings.
    """
    if ratings.is_empty():
        raise ValueError("there are no ratings to estimate biases from")
    user_ids, item_ids = (ratings[side].unique().sort() for side in ("user", "item"))
    user, _ = places_of(ratings["user"].to_numpy(), user_ids.to_numpy())
    item, _ = places_of(ratings["item"].to_numpy(), item_ids.to_numpy())
    stars = ratings["rating"].cast(pl.Float64).to_numpy()
    mean = float(stars.mean())
    of_users, of_items = np.zeros(len(user_ids)), np.zeros(len(item_ids))
    for _ in range(ROUNDS):
        of_items = _shrunk_means(stars - mean - of_users[user], item, shrinkage)
        of_users = _shrunk_means(stars - mean - of_items[item], user, shrinkage)
    return Biases(mean, _frame(user_ids, of_users), _frame(item_ids, of_items))


def _shrunk_means(
    values: NDArray[np.float64], group: NDArray[np.int64], shrinkage: float
) -> NDArray[np.float64]:
    return np.bincount(group, values) / (np.bincount(group) + shrinkage)


def _frame(ids: pl.Series, biases: NDArray[np.float64]) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "bias": biases.astype(np.float32)})
