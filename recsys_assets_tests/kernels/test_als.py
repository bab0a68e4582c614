"""The compiled solver against closed forms, and its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, random_array

from recsys_assets.kernels.als import Objective, cut_evenly, fit_factors
from recsys_assets.kernels.top_k import Floats
from recsys_assets_tests.kernels.losses import loss


def stars(users: int, items: int, seed: int, density: float = 0.3) -> csr_matrix:
    rng = np.random.default_rng(seed)
    drawn = random_array(
        (users, items), density=density, rng=rng, data_sampler=lambda size: rng.integers(1, 6, size)
    )
    return csr_matrix(drawn, dtype=np.float32)


def solve_exactly(objective: Objective, values: csr_matrix, fixed: Floats) -> Floats:
    """The normal equations of each row, by dense algebra in double precision."""
    y = fixed.astype(np.float64)
    solved = np.zeros((values.shape[0], objective.rank))
    for row in range(values.shape[0]):
        own = slice(values.indptr[row], values.indptr[row + 1])
        rated, value = y[values.indices[own]], values.data[own].astype(np.float64)
        if not len(rated):
            continue
        left = objective.regularization * len(rated) * np.eye(objective.rank)
        if objective.alpha is None:
            left += rated.T @ rated
            right = rated.T @ value
        else:
            left += y.T @ y + (rated.T * (objective.alpha * value)) @ rated
            right = rated.T @ (1 + objective.alpha * value)
        solved[row] = np.linalg.solve(left, right)
    return solved.astype(np.float32)


OBJECTIVES = [Objective(8, 0.1, 0.7), Objective(8, 0.1), Objective(1, 0.5, 2.0)]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=["ranking", "rating", "rank 1"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), users=st.integers(1, 30), items=st.integers(1, 20))
def test_enough_steps_solve_the_normal_equations(
    objective: Objective, seed: int, users: int, items: int
) -> None:
    values = stars(users, items, seed)
    fixed = objective.start(items, seed)
    start = objective.start(users, seed + 1)
    solved = objective.solve(values, fixed, start, steps=3 * objective.rank)
    np.testing.assert_allclose(solved, solve_exactly(objective, values, fixed), atol=2e-3)


def test_one_rating_and_one_factor_by_hand() -> None:
    objective = Objective(rank=1, regularization=0.5, alpha=2.0)
    values = csr_matrix(np.array([[3.0]], np.float32))
    y = np.array([[2.0]], np.float32)
    # (y y + alpha r y y + regularization) x = (1 + alpha r) y
    assert objective.solve(values, y, y, steps=5)[0, 0] == pytest.approx(7 * 2 / (4 + 24 + 0.5))
    explicit = Objective(rank=1, regularization=0.5)
    assert explicit.solve(values, y, y, steps=5)[0, 0] == pytest.approx(3 * 2 / (4 + 0.5))


@pytest.mark.parametrize("objective", OBJECTIVES[:2], ids=["ranking", "rating"])
def test_each_alternation_lowers_the_loss(objective: Objective) -> None:
    values = stars(60, 40, seed=3)
    losses = [
        loss(objective, values, *fit_factors(values, objective, n, seed=1)) for n in (1, 2, 8)
    ]
    assert losses == sorted(losses, reverse=True)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    objective, values = Objective(8, 0.1, 0.7), stars(50, 30, seed=4)
    fixed, start = objective.start(30, 1), objective.start(50, 2)
    gram = objective.gram(fixed)
    whole = objective.solve(values, fixed, start, 3)
    parts = [
        objective.solve_block(values[rows], fixed, gram, start[rows], 3)
        for rows in (slice(0, 7), slice(7, 31), slice(31, 50))
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_a_row_without_ratings_has_no_vector() -> None:
    objective = Objective(4, 0.1, 0.7)
    values = csr_matrix(np.array([[0, 0], [5, 0]], np.float32))
    solved = objective.solve(values, objective.start(2, 1), objective.start(2, 2), 3)
    assert not solved[0].any() and solved[1].any()


def test_the_same_seed_gives_the_same_vectors() -> None:
    values = stars(20, 10, seed=5)
    first, second = (fit_factors(values, Objective(4, 0.1, 0.7), 3, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("objective", OBJECTIVES[:2], ids=["ranking", "rating"])
def test_threads_change_no_bit(objective: Objective) -> None:
    values = stars(200, 50, seed=6)
    alone, shared = (
        fit_factors(values, objective, 3, seed=2, threads=threads) for threads in (1, 3)
    )
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 8))
def test_blocks_cover_every_row_once(counts: list[int], number: int) -> None:
    starts = np.concatenate([[0], np.cumsum(counts)])
    cut = cut_evenly(starts, number)
    assert [row for a, b in cut for row in range(a, b)] == list(range(len(counts)))
    assert len(cut) <= number


def test_blocks_hold_about_as_many_ratings_each() -> None:
    starts = np.concatenate([[0], np.cumsum([1000, *[1] * 1000])])
    assert cut_evenly(starts, 2) == [(0, 1), (1, 1001)]
