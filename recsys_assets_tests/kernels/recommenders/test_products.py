import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recsys_assets.kernels.recommenders.products import (
    _COLUMNS_AT_ONCE,
    _STRIP,
    _TILE,
    gram_upper,
    mirror_upper,
    sparse_by_dense,
    sparse_by_sparse,
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 9), st.integers(1, 30), st.integers(0, 20))
def test_whole_numbers_give_the_exact_product(seed: int, rows: int, inner: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-3, 4, (rows, inner)) * (rng.random((rows, inner)) < 0.4)
    right = rng.integers(-3, 4, (inner, width)).astype(np.float32)
    found = sparse_by_dense(csr_matrix(left.astype(np.float32)), right)
    assert found.dtype == np.float32
    assert found.tolist() == (left @ right).tolist()


@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float32, np.float64)])
def test_a_product_of_sparse_ones_is_scipys_to_the_last_bit(kinds: tuple[type, type]) -> None:
    one, other = (
        random_matrix(*shape, density=0.3, format="csr", dtype=kind, rng=seed)
        for shape, kind, seed in zip(((40, 60), (60, 90)), kinds, (1, 2), strict=True)
    )
    found = sparse_by_sparse(one, other)
    expected = (one @ other).toarray()
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert sparse_by_sparse(one[:0], other).shape == (0, 90)


@pytest.mark.parametrize("width", [_STRIP, 2 * _STRIP + 77])
def test_strips_leave_no_trace(width: int) -> None:
    rng = np.random.default_rng(1)
    left = random_matrix(37, 60, density=0.2, format="csr", rng=rng)
    right = rng.normal(size=(60, width)).astype(np.float32)
    np.testing.assert_allclose(sparse_by_dense(left, right), left @ right, atol=1e-5)


def test_a_row_is_the_same_alone_and_among_others() -> None:
    rng = np.random.default_rng(2)
    left = random_matrix(20, 60, density=0.3, format="csr", rng=rng)
    right = rng.normal(size=(60, 1_500)).astype(np.float32)
    together = sparse_by_dense(left, right)
    for row in range(20):
        np.testing.assert_array_equal(sparse_by_dense(left[row], right)[0], together[row])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 30), st.integers(1, 40))
def test_a_product_with_itself_is_exact_in_its_upper_half(seed: int, rows: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, (rows, width)) * (rng.random((rows, width)) < 0.4)
    found = gram_upper(csr_matrix(z.astype(np.float32)))
    assert found.flags.f_contiguous and found.dtype == np.float32
    assert found.tolist() == np.triu(z.T @ z).tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_product_with_itself_is_scipys_to_the_last_bit(kind: type) -> None:
    z = random_matrix(90, 2 * _COLUMNS_AT_ONCE + 7, density=0.3, format="csr", dtype=kind, rng=3)
    np.testing.assert_array_equal(gram_upper(z), np.triu((z.T @ z).toarray()))
    backwards = z[:, ::-1].tocsr()  # whose indices are in no order
    np.testing.assert_array_equal(
        gram_upper(backwards), np.triu((backwards.T @ backwards).toarray())
    )


@pytest.mark.parametrize("size", [0, 1, _TILE, 2 * _TILE + 5])
def test_a_mirrored_triangle_is_symmetric(size: int) -> None:
    whole = np.random.default_rng(4).normal(size=(size, size))
    upper = np.asfortranarray(np.triu(whole))
    found = mirror_upper(upper.copy(order="F"))
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, upper + np.triu(upper, 1).T)
