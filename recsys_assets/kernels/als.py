"""Alternating least squares, one side at a time, compiled.

With the item vectors y fixed, each user's vector x is the minimum of a least-squares problem over
the user's own ratings, independent of all other users:

    (G + sum_i w_i y_i y_i' + p I) x = sum_i t_i y_i

    ranking (implicit preferences)   G = Y'Y,  w = alpha * stars,  t = 1 + alpha * stars
    rating  (explicit)               G = 0,    w = 1,              t = value

with the penalty p = regularization * number of ratings, as in Spark ML; items are solved the same
way with user and item exchanged. Sources: Hu, Koren and Volinsky, "Collaborative filtering for
implicit feedback datasets" (2008); Zhou et al., "Large-scale parallel collaborative filtering for
the Netflix prize" (2008) for the penalty; Takács, Pilászy and Tikk, "Applications of the conjugate
gradient method for implicit feedback collaborative filtering" (2011) for a few conjugate gradient
steps from the last solution in place of an exact one.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.top_k import Floats

_EXACT = np.float32(1e-20)
"""Squared length of a residual below which a row is solved."""


@dataclass(frozen=True)
class Objective:
    """What a fit minimizes."""

    rank: int
    """Length of a vector."""
    regularization: float
    """Weight of the penalty for each rating of a user or item."""
    alpha: float | None = None
    """Confidence in a rated pair is 1 + alpha × stars; None fits the values themselves."""

    def start(self, count: int, seed: int) -> Floats:
        """Random vectors of length 1 to start from."""
        drawn = np.random.default_rng(seed).standard_normal((count, self.rank), np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def solve(
        self, values: csr_matrix, fixed: Floats, start: Floats, steps: int, threads: int = 1
    ) -> Floats:
        """Vectors of one side from those of the other.

        Args:
            values: own side × other side, the stars or what else is fitted.
            fixed: vectors of the other side.
            start: vectors of the own side to begin from.
            steps: conjugate gradient steps; ``rank`` of them solve exactly, but for rounding.
            threads: that share the rows; the answer is the same for any number.
        """
        return self.solve_block(values, fixed, self.gram(fixed), start, steps, threads)

    def gram(self, fixed: Floats) -> Floats:
        """The part of the equations that all rows of a side share."""
        if self.alpha is None:
            return np.zeros((self.rank, self.rank), np.float32)
        return fixed.T @ fixed

    def solve_block(
        self,
        values: csr_matrix,
        fixed: Floats,
        gram: Floats,
        start: Floats,
        steps: int,
        threads: int = 1,
    ) -> Floats:
        """`solve` for some of the rows, with what all of them share computed before."""
        rated = np.diff(values.indptr) > 0
        solved: Floats = np.where(rated[:, np.newaxis], start, np.float32(0))
        shared = (np.ascontiguousarray(fixed), np.ascontiguousarray(gram))
        settings = (self.alpha is not None, np.float32(self.alpha or 0.0))

        def solve_rows(rows: tuple[int, int]) -> None:
            first, last = rows
            _solve_rows(
                *(values.indptr[first : last + 1], values.indices, values.data, *shared),
                *(*settings, np.float32(self.regularization), steps, solved[first:last]),
            )

        if threads == 1:
            solve_rows((0, len(solved)))
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(solve_rows, cut_evenly(values.indptr, 8 * threads)))
        return solved


def cut_evenly(starts: NDArray[np.integer] | Sequence[int], blocks: int) -> list[tuple[int, int]]:
    """Ranges of rows with about as many entries each.

    Args:
        starts: where the entries of each row start, as in a CSR matrix; one more than rows.
        blocks: ranges at most; there are fewer where some would be empty.
    """
    wanted = np.linspace(0, starts[-1], blocks + 1)[1:-1]
    cuts = [0, *np.searchsorted(starts, wanted).tolist(), len(starts) - 1]
    return [(a, b) for a, b in pairwise(cuts) if a < b]


def fit_factors(
    values: csr_matrix,
    objective: Objective,
    iterations: int,
    seed: int,
    steps: int = 3,
    threads: int = 1,
) -> tuple[Floats, Floats]:
    """User and item vectors of a whole matrix, in this process.

    Args:
        values: users × items.
        objective: what is minimized.
        iterations: alternations between users and items.
        seed: start of the vectors.
        steps: conjugate gradient steps in each alternation.
        threads: that share the rows; the vectors are the same for any number.
    """
    by_item = values.T.tocsr()
    users = objective.start(values.shape[0], seed)
    items = objective.start(values.shape[1], seed + 1)
    for _ in range(iterations):
        users = objective.solve(values, items, users, steps, threads)
        items = objective.solve(by_item, users, items, steps, threads)
    return users, items


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _solve_rows(  # type: ignore[no-untyped-def]
    starts, others, values, fixed, gram, implicit, alpha, regularization, steps, solved
):
    """Conjugate gradients for each row, from where it stands."""
    rank = fixed.shape[1]
    residual = np.empty(rank, np.float32)
    direction, product = np.empty_like(residual), np.empty_like(residual)
    for row in range(len(starts) - 1):
        own = slice(starts[row], starts[row + 1])
        x, other, value = solved[row], others[own], values[own]
        penalty = regularization * np.float32(len(other))
        _right_side(fixed, other, value, implicit, alpha, residual)
        _left_side(fixed, other, value, gram, implicit, alpha, penalty, x, product)
        residual -= product
        direction[:] = residual
        length = np.dot(residual, residual)
        for _ in range(steps):
            if length < _EXACT:
                break
            _left_side(fixed, other, value, gram, implicit, alpha, penalty, direction, product)
            stride = length / np.dot(direction, product)
            x += stride * direction
            residual -= stride * product
            before, length = length, np.dot(residual, residual)
            direction *= length / before
            direction += residual


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _right_side(fixed, other, values, implicit, alpha, total):  # type: ignore[no-untyped-def]
    """Write sum_i t_i y_i into total."""
    total[:] = 0.0
    for place in range(len(other)):
        y, target = fixed[other[place]], values[place]
        if implicit:
            target = np.float32(1.0) + alpha * target
        for f in range(len(total)):
            total[f] += target * y[f]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _left_side(  # type: ignore[no-untyped-def]
    fixed, other, values, gram, implicit, alpha, penalty, x, total
):
    """Write (G + sum_i w_i y_i y_i' + p I) x into total, four ratings at a time."""
    rank, count = len(total), len(other)
    for f in range(rank):
        total[f] = penalty * x[f]
    for g in range(rank):
        for f in range(rank):
            total[f] += x[g] * gram[g, f]
    fours = count - count % 4
    for place in range(0, fours, 4):
        y0, y1 = fixed[other[place]], fixed[other[place + 1]]
        y2, y3 = fixed[other[place + 2]], fixed[other[place + 3]]
        d0 = d1 = d2 = d3 = np.float32(0.0)
        for f in range(rank):
            d0 += x[f] * y0[f]
            d1 += x[f] * y1[f]
            d2 += x[f] * y2[f]
            d3 += x[f] * y3[f]
        if implicit:
            d0 *= alpha * values[place]
            d1 *= alpha * values[place + 1]
            d2 *= alpha * values[place + 2]
            d3 *= alpha * values[place + 3]
        for f in range(rank):
            total[f] += d0 * y0[f] + d1 * y1[f] + d2 * y2[f] + d3 * y3[f]
    for place in range(fours, count):
        y = fixed[other[place]]
        dot = np.float32(0.0)
        for f in range(rank):
            dot += x[f] * y[f]
        if implicit:
            dot *= alpha * values[place]
        for f in range(rank):
            total[f] += dot * y[f]
