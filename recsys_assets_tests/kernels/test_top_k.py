import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recsys_assets.kernels.inner_products import ITEMS, USERS, top_k
from recsys_assets.kernels.recommending import TopKTask, similar_items
from recsys_assets.kernels.top_k import NO_ITEM, ranked_rows, unit_rows
from recsys_assets.kernels.vectors import Vectors, factor_lists, factor_matrix, places_of


def brute_force(users: np.ndarray, items: np.ndarray, k: int, seen: np.ndarray) -> list[list[int]]:
    scores = users @ items.T
    lists = []
    for row, masked in zip(scores, seen, strict=True):
        left = [n for n in range(len(items)) if not masked[n]]
        lists.append(sorted(left, key=lambda n: (-row[n], n))[:k])
    return lists


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 12), st.integers(1, 15))
def test_equals_brute_force(seed: int, users: int, items: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    # Distinct powers of two as scores: no product is rounded, no two are equal.
    left = np.ones((users, 1), np.float32)
    right = rng.permutation(2.0 ** np.arange(items)).astype(np.float32)[:, np.newaxis]
    seen = rng.random((users, items)) < 0.4
    indices, scores = top_k(left, right, k, csr_matrix(seen.astype(np.float32)))
    assert indices.shape == scores.shape == (users, k)
    found = [[n for n in row if n != NO_ITEM] for row in indices.tolist()]
    assert found == brute_force(left, right, k, seen)
    assert np.isneginf(scores[indices == NO_ITEM]).all()
    assert np.isfinite(scores[indices != NO_ITEM]).all()


def test_scores_are_inner_products_in_falling_order() -> None:
    rng = np.random.default_rng(1)
    users, items = rng.normal(size=(20, 7)), rng.normal(size=(50, 7))
    indices, scores = top_k(users.astype(np.float32), items.astype(np.float32), 10, None)
    exact = np.take_along_axis(users @ items.T, indices.astype(int), axis=1)
    np.testing.assert_allclose(scores, exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scores, np.sort(users @ items.T)[:, ::-1][:, :10], atol=1e-5)


def test_ties_come_by_index_and_the_least_are_kept() -> None:
    users, items = np.ones((3, 1), np.float32), np.ones((8, 1), np.float32)
    first = top_k(users, items, 8, None)[0]
    assert first.tolist() == [list(range(8))] * 3
    assert top_k(users, items, 3, None)[0].tolist() == [[0, 1, 2]] * 3


def test_blocks_of_users_and_items_leave_no_trace() -> None:
    rng = np.random.default_rng(2)
    # Small whole numbers: products are exact, and many of them equal.
    users = rng.integers(-2, 3, (USERS + 5, 3)).astype(np.float32)
    items = rng.integers(-2, 3, (2 * ITEMS + 77, 3)).astype(np.float32)
    seen = random_matrix(
        *(len(side) for side in (users, items)), density=0.3, format="csr", rng=rng
    )
    seen.sum_duplicates()
    indices, scores = top_k(users, items, 12, seen)
    exact = users @ items.T
    exact[seen.nonzero()] = -np.inf
    assert indices.tolist() == np.argsort(-exact, axis=1, kind="stable")[:, :12].tolist()
    np.testing.assert_array_equal(scores, np.take_along_axis(exact, indices, 1))


def test_a_list_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        top_k(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), 0, None)


def test_nobody_and_nothing() -> None:
    nobody = top_k(np.empty((0, 2), np.float32), np.ones((3, 2), np.float32), 2, None)
    assert nobody[0].shape == (0, 2)
    nothing, scores = top_k(np.ones((2, 2), np.float32), np.empty((0, 2), np.float32), 2, None)
    assert (nothing == NO_ITEM).all() and np.isneginf(scores).all()


def test_rows_leave_out_places_that_no_item_fills() -> None:
    indices = np.array([[1, 0], [1, NO_ITEM]], np.int32)
    scores = np.array([[2.0, 1.0], [5.0, -np.inf]], np.float32)
    rows = ranked_rows(np.array([7, 8]), np.array([100, 200]), indices, scores)
    assert rows.rows() == [(7, 1, 200, 2.0), (7, 2, 100, 1.0), (8, 1, 200, 5.0)]


def test_unit_rows_have_length_one_and_zero_stays_zero() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)


def vectors(users: np.ndarray, items: np.ndarray) -> Vectors:
    ids = (np.arange(1, len(side) + 1, dtype=np.int32) * 10 for side in (users, items))
    return Vectors(*ids, users.astype(np.float32), items.astype(np.float32))


def test_places_of_known_and_unknown_ids() -> None:
    known = np.array([2, 5, 9], np.int32)
    place, found = places_of(np.array([5, 1, 9, 10], np.int32), known)
    assert found.tolist() == [True, False, True, False]
    assert place[found].tolist() == [1, 2]
    assert not places_of(known, known[:0])[1].any()


def test_matrix_leaves_out_unknown_sides() -> None:
    both = vectors(np.ones((2, 1)), np.ones((3, 1)))
    matrix = both.matrix(np.array([10, 20, 30]), np.array([30, 40, 10]), np.array([4.0, 5.0, 1.0]))
    assert matrix.toarray().tolist() == [[0, 0, 4], [0, 0, 0]]


def test_blocks_cover_all_users_once() -> None:
    many = vectors(np.ones((10_000, 1)), np.ones((1, 1)))
    for workers in (1, 2, 7):
        blocks = many.user_blocks(workers)
        assert [n for block in blocks for n in range(*block)] == list(range(10_000))
        assert len(blocks) >= min(workers, 3)


def test_factors_survive_the_way_into_lists_and_back() -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(factor_matrix(factor_lists(matrix)), matrix)


def test_reason_is_the_liked_item_most_like_the_recommended_one() -> None:
    items = np.array([[1, 0], [0, 1], [0.9, 0.1], [0.1, 0.9], [0.8, 0.1]])
    both = vectors(np.array([[1.0, 0.2]]), items)
    # Items 10 and 20 are rated; 20 is in the worse half, so that 10 is the reason throughout.
    stars = both.matrix(np.array([10, 10]), np.array([10, 20]), np.array([5.0, 1.0]))
    rows = TopKTask(both, stars, k=5).lists_of_block((0, 1))
    assert rows["item"].to_list() == [30, 50, 40]
    assert rows["reason_item"].to_list() == [10, 10, 10]
    liked = both.matrix(np.array([10, 10]), np.array([10, 20]), np.array([4.0, 4.0]))
    rows = TopKTask(both, liked, k=5).lists_of_block((0, 1))
    assert dict(rows.select("item", "reason_item").iter_rows()) == {30: 10, 50: 10, 40: 20}


def test_a_user_without_ratings_has_no_reason() -> None:
    both = vectors(np.ones((1, 2)), np.eye(2))
    rows = TopKTask(both, both.matrix(np.array([], int), np.array([], int)), k=1).lists_of_block(
        (0, 1)
    )
    assert rows["reason_item"].to_list() == [None]


def test_similar_items_are_others_by_cosine() -> None:
    items = np.random.default_rng(4).normal(size=(30, 5)).astype(np.float32)
    rows = similar_items(vectors(np.ones((1, 5)), items), k=4)
    assert rows.group_by("item").len()["len"].unique().to_list() == [4]
    assert rows.filter(pl.col("item") == pl.col("similar_item")).is_empty()
    unit = items / np.linalg.norm(items, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    for n in range(30):
        of_item = rows.filter(item=(n + 1) * 10)
        best = np.argsort(-cosine[n])[:4]
        assert of_item["similar_item"].to_list() == ((best + 1) * 10).tolist()
        np.testing.assert_allclose(of_item["similarity"], cosine[n][best], atol=1e-5)


def test_without_items_nobody_has_a_list() -> None:
    owners, none = np.array([4], np.int32), np.array([], np.int32)
    nowhere = np.full((1, 2), NO_ITEM, np.int32)
    rows = ranked_rows(owners, none, nowhere, np.full((1, 2), -np.inf, np.float32))
    assert rows.is_empty()
    assert rows.schema["rank"] == rows.schema["owner"] == rows.schema["item"] == pl.Int32
