"""Sorting by digits: what NumPy's own sort answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.sorting import sort_numbers


@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 64), st.data())
def test_numbers_are_sorted_as_numpy_sorts_them(bits: int, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=200))
    numbers = np.array(drawn, np.uint64)
    np.testing.assert_array_equal(sort_numbers(numbers.copy(), bits), np.sort(numbers))


@pytest.mark.parametrize("bits", [11, 40, 64])
def test_many_numbers_keep_their_values(bits: int) -> None:
    numbers = np.random.default_rng(3).integers(0, 2**bits, 50_000, np.uint64)
    numbers[::3] = numbers[0]
    np.testing.assert_array_equal(sort_numbers(numbers.copy(), bits), np.sort(numbers))
