"""Pairs as one number: two numbers are equal exactly where both of their parts are."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_assets.kernels.metrics.pairs import PAIR, count_pairs, is_pair, with_pair

EDGES = [-(2**31), -1, 0, 1, 2**31 - 1]
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(-3, 3))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40))
def test_two_numbers_are_equal_where_both_parts_are(pairs: list[tuple[int, int]]) -> None:
    frame = pl.DataFrame(pairs, {"user": pl.Int32, "item": pl.Int32}, orient="row")
    assert count_pairs(frame, ["user", "item"]) == len(set(pairs))
    numbers = with_pair(frame, ["user", "item"])[PAIR].to_list()
    assert len(set(zip(numbers, pairs, strict=True))) == len(set(pairs)) == len(set(numbers))


@pytest.mark.parametrize("kind", [pl.Int64, pl.UInt32, pl.String])
def test_what_one_number_cannot_hold_is_no_pair(kind: type[pl.DataType]) -> None:
    frame = pl.DataFrame(schema={"user": pl.Int32, "item": kind})
    assert not is_pair(frame, ["user", "item"])
    assert not is_pair(frame, ["user"])
