import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recsys_assets.kernels.recommenders.products import _STRIP, sparse_by_dense


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 9), st.integers(1, 30), st.integers(0, 20))
def test_whole_numbers_give_the_exact_product(seed: int, rows: int, inner: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-3, 4, (rows, inner)) * (rng.random((rows, inner)) < 0.4)
    right = rng.integers(-3, 4, (inner, width)).astype(np.float32)
    found = sparse_by_dense(csr_matrix(left.astype(np.float32)), right)
    assert found.dtype == np.float32
    assert found.tolist() == (left @ right).tolist()


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
