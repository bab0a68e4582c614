import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recsys_assets.kernels.biases import estimate_biases


def test_additive_ratings_are_taken_apart_exactly() -> None:
    users, items = np.array([-0.5, 0.5]), np.array([-1.0, 0.25, 0.75])
    found = estimate_biases(csr_matrix(3.0 + users[:, np.newaxis] + items), shrinkage=0.0)
    assert found.mean == pytest.approx(3.0)
    assert found.users == pytest.approx(users)
    assert found.items == pytest.approx(items)


def test_shrinkage_counts_as_ratings_at_the_mean() -> None:
    # One user and two items: after the first round b_i = ±1 / (1 + 4), b_u stays 0.
    found = estimate_biases(csr_matrix([[2.0, 4.0]]), shrinkage=4.0)
    assert found.items == pytest.approx([-0.2, 0.2])
    assert found.users == pytest.approx([0.0], abs=1e-7)


def test_no_ratings_have_no_biases() -> None:
    with pytest.raises(ValueError, match="no ratings"):
        estimate_biases(csr_matrix((1, 1)), 1.0)
