"""What is said of a rating before any taste: how good the item is, how generous the user.

    b_i = sum over users (r_ui - mean - b_u) / (n_i + shrinkage)
    b_u = sum over items (r_ui - mean - b_i) / (n_u + shrinkage)

in turn, a few times from b_u = 0: the baseline estimates of Koren and Bell, "Advances in
collaborative filtering" (2011), section 3.2, fitted by alternating least squares. The shrinkage
pulls those with few ratings towards the mean.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

ROUNDS = 3


@dataclass(frozen=True)
class Biases:
    """Deviations from the mean rating, in stars; 0 where nobody rated."""

    mean: float
    users: NDArray[np.float32]
    """By row of the ratings."""
    items: NDArray[np.float32]
    """By column of the ratings."""

    def left_of(self, stars: csr_matrix) -> csr_matrix:
        """What mean and biases leave of each rating."""
        left = stars.copy()
        left.data = stars.data - np.float32(self.mean)
        left.data -= np.repeat(self.users, np.diff(stars.indptr))
        left.data -= self.items[stars.indices]
        return left


def estimate_biases(stars: csr_matrix, shrinkage: float) -> Biases:
    """Biases of all users and items.

    Args:
        stars: users x items.
        shrinkage: weight of the mean, as a number of ratings; above 0 where rows or columns hold
            none.

    Raises:
        ValueError: no ratings.
    """
    if not stars.nnz:
        raise ValueError("there are no ratings to estimate biases from")
    user, item = np.repeat(np.arange(stars.shape[0]), np.diff(stars.indptr)), stars.indices
    values = stars.data.astype(np.float64)
    mean = float(values.mean())
    of_users, of_items = (np.zeros(size) for size in stars.shape)
    for _ in range(ROUNDS):
        of_items = _shrunk_means(values - mean - of_users[user], item, len(of_items), shrinkage)
        of_users = _shrunk_means(values - mean - of_items[item], user, len(of_users), shrinkage)
    return Biases(mean, of_users.astype(np.float32), of_items.astype(np.float32))


def _shrunk_means(
    values: NDArray[np.float64], group: NDArray[np.integer], groups: int, shrinkage: float
) -> NDArray[np.float64]:
    return np.bincount(group, values, groups) / (np.bincount(group, minlength=groups) + shrinkage)
