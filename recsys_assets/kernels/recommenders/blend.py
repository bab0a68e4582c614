"""A weighted sum of scores that are normalized per user, its weights learned from held-out ratings.

Normalizing per user makes scores comparable between fits on less and on more data. The weights
minimize the softmax loss of the held-out items among each user's candidates (ListNet's top-one
loss: Cao et al., "Learning to rank: from pairwise approach to listwise approach", 2007); a user
weighs the square root of their held-out items.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys_assets.kernels.recommenders.protocol import Scores

PENALTY = 1e-3
"""Weight of the squared length of the weights, for features of standard deviation 1."""


def normalize(scores: Scores, seen: NDArray[np.bool_]) -> Scores:
    """Scores of each user with mean 0 and deviation 1 over what they have not seen; 0 elsewhere."""
    answer = np.empty(scores.shape, np.float32)
    _normalize_rows(np.ascontiguousarray(scores, np.float32), seen, answer)
    return answer


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _normalize_rows(scores, seen, answer):  # type: ignore[no-untyped-def]
    """Row by row, since a row stays in the cache from its mean to its deviation."""
    for row in range(len(scores)):
        own, hidden, out = scores[row], seen[row], answer[row]
        count, total = 0, np.float64(0)
        for column in range(len(own)):
            if not hidden[column]:
                count += 1
                total += own[column]
        mean = np.float32(total / max(count, 1))
        squares = np.float64(0)
        for column in range(len(own)):
            out[column] = np.float32(0) if hidden[column] else own[column] - mean
            squares += out[column] * out[column]
        spread = np.float32(max(np.sqrt(squares / max(count, 1)), 1e-9))
        for column in range(len(own)):
            out[column] /= spread


def normalize_groups(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of each group of consecutive rows with mean 0 and deviation 1."""
    starts = np.cumsum(counts) - counts
    mean = np.add.reduceat(values, starts) / counts
    centred = values - np.repeat(mean, counts)
    spread = np.sqrt(np.add.reduceat(centred**2, starts) / counts)
    return np.asarray(centred / np.repeat(np.maximum(spread, 1e-9), counts), np.float64)


def learn_weights(
    features: NDArray[np.float32], labels: NDArray[np.int8], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Weight of each feature.

    Args:
        features: candidates x features, the candidates of a user in consecutive rows.
        labels: 1 where the candidate was held out.
        counts: candidates of each user; every user has a held-out one among them.
    """
    # Imported late: most processes load recommenders only to score by them.
    from scipy.optimize import minimize

    deviation = np.maximum(features.std(axis=0, dtype=np.float64), 1e-9)
    x = features / deviation.astype(np.float32)
    starts = np.cumsum(counts) - counts
    held_out = np.add.reduceat(labels.astype(np.float64), starts)
    weight = np.sqrt(held_out) / np.sqrt(held_out).sum()
    target = labels / np.repeat(held_out, counts)
    of_row = np.repeat(weight, counts)

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = (x @ b.astype(np.float32)).astype(np.float64)
        most = np.maximum.reduceat(score, starts)
        mass = np.exp(score - np.repeat(most, counts))
        total = np.add.reduceat(mass, starts)
        value = (weight * (np.log(total) + most)).sum() - (of_row * target * score).sum()
        pull = of_row * (mass / np.repeat(total, counts) - target)
        slope = (pull.astype(np.float32) @ x).astype(np.float64)
        return value + PENALTY * float(b @ b), slope + 2 * PENALTY * b

    found = minimize(
        loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60}
    )
    return np.asarray(found.x / deviation, np.float64)
