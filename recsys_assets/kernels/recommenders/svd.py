"""Biased matrix factorization by stochastic gradient descent: the baseline of rating prediction.

    r = mean + b_u + b_i + p_u . q_i

fitted rating by rating, as Surprise's SVD is, with its defaults but for the factors and epochs of
the published comparison. Source: Koren, Bell and Volinsky, "Matrix factorization techniques for
recommender systems" (2009).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

FACTORS, EPOCHS, LEARNING_RATE, PENALTY, DEVIATION = 150, 15, 0.005, 0.02, 0.1


@dataclass(frozen=True)
class Factorization:
    """Mean, biases and vectors."""

    mean: float
    user_bias: NDArray[np.float64]
    item_bias: NDArray[np.float64]
    users: NDArray[np.float64]
    items: NDArray[np.float64]

    def predict(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        known: NDArray[np.bool_],
        listed: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Stars of pairs, not clipped; a user or an item that is not known adds nothing."""
        products = (self.users[rows] * self.items[columns]).sum(axis=1)
        biases = known * self.user_bias[rows] + listed * self.item_bias[columns]
        return np.asarray(self.mean + biases + known * listed * products)


def fit_svd(stars: csr_matrix, seed: int) -> Factorization:
    """Fit on all stored stars; those without ratings keep a bias and a vector of 0."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(stars.shape[0]), np.diff(stars.indptr))
    users = rng.normal(0, DEVIATION, (stars.shape[0], FACTORS))
    items = rng.normal(0, DEVIATION, (stars.shape[1], FACTORS))
    users[np.diff(stars.indptr) == 0] = 0
    items[np.bincount(stars.indices, minlength=stars.shape[1]) == 0] = 0
    fitted = Factorization(
        float(stars.data.mean()), np.zeros(len(users)), np.zeros(len(items)), users, items
    )
    values = stars.data.astype(np.float64)
    for _ in range(EPOCHS):
        _descend(
            *(rows, stars.indices, values, fitted.mean),
            *(fitted.user_bias, fitted.item_bias, users, items),
        )
    return fitted


@njit(cache=True, nogil=True, fastmath=True)
def _descend(rows, columns, values, mean, user_bias, item_bias, users, items):  # type: ignore[no-untyped-def]
    """One epoch over the ratings in their order."""
    for place in range(len(values)):
        u, i = rows[place], columns[place]
        dot = 0.0
        for f in range(users.shape[1]):
            dot += users[u, f] * items[i, f]
        error = values[place] - mean - user_bias[u] - item_bias[i] - dot
        user_bias[u] += LEARNING_RATE * (error - PENALTY * user_bias[u])
        item_bias[i] += LEARNING_RATE * (error - PENALTY * item_bias[i])
        for f in range(users.shape[1]):
            p, q = users[u, f], items[i, f]
            users[u, f] += LEARNING_RATE * (error * q - PENALTY * p)
            items[i, f] += LEARNING_RATE * (error * p - PENALTY * q)
