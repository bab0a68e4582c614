"""A table of codes finds each of its own, and no other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.hashing import build_slots, find_places

CODES = st.integers(0, 2**32 - 1)


@settings(deadline=None)  # the first call compiles
@given(st.sets(CODES, max_size=50), st.lists(CODES, max_size=50), st.data())
def test_known_codes_are_found_at_their_places(
    known: set[int], others: list[int], data: st.DataObject
) -> None:
    codes = data.draw(st.permutations(sorted(known)))
    asked = [*others, *codes]
    expected = [codes.index(code) if code in known else len(codes) for code in asked]
    slots = build_slots(np.array(codes, np.uint32))
    assert find_places(np.array(asked, np.uint32), slots, len(codes)).tolist() == expected


@pytest.mark.parametrize("step", [1, 2**12])
def test_codes_that_lie_close_are_told_apart(step: int) -> None:
    codes = np.arange(0, 100_000 * step, step, dtype=np.uint32)
    slots = build_slots(codes)
    assert find_places(codes, slots, -1).tolist() == list(range(len(codes)))
    assert len(slots) == 2**18
    assert (find_places(codes + np.uint32(1), slots, -1)[-1:] == -1).all()
