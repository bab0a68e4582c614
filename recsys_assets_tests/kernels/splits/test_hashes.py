import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import (
    BUCKETS,
    SplitError,
    folds,
    pair_hashes,
    parts_of,
)

quick = settings(max_examples=60, deadline=None)
pairs = st.sets(st.tuples(st.integers(1, 12), st.integers(1, 15)), min_size=1, max_size=80)


def test_a_pair_keeps_its_random_part_whatever_else_arrives() -> None:
    frame = pl.DataFrame({"user": np.arange(1, 401) % 20, "item": np.arange(1, 401)})
    found = parts_of(frame, "random", [0.7], 3)
    assert parts_of(frame.head(100), "random", [0.7], 3).tolist() == found[:100].tolist()
    assert parts_of(frame, "random", [0.7], 4).tolist() != found.tolist()


def test_the_hash_is_xxh64() -> None:
    # Spark 3.5: SELECT xxhash64(1, 2, 42), xxhash64(-7, 2147483647, -1)
    found = pair_hashes(np.array([1]), np.array([2]), 42)
    assert found.dtype == np.int64
    assert found.tolist() == [-2_641_783_575_074_185_085]
    found = pair_hashes(np.array([-7]), np.array([2**31 - 1]), -1)
    assert found.tolist() == [4_927_911_536_936_710_041]


@quick
@given(keys=pairs, k=st.integers(2, 5), seed=st.integers(0, 9))
def test_folds_are_complete_or_refused(keys: set[tuple[int, int]], k: int, seed: int) -> None:
    users, items = np.array(sorted(keys)).T
    drawn = set(np.mod(pair_hashes(users, items, seed), BUCKETS) * k // BUCKETS)
    if len(drawn) < k:
        with pytest.raises(SplitError, match="fewer folds"):
            folds(users, items, k, seed)
        return
    found = folds(users, items, k, seed)
    assert sorted(set(found.tolist())) == list(range(k))
    assert folds(users[::-1], items[::-1], k, seed)[::-1].tolist() == found.tolist()


def test_folds_are_of_about_one_size() -> None:
    found = folds(np.arange(20_000) % 300, np.arange(20_000), 5, 0)
    assert np.bincount(found) / 20_000 == pytest.approx([0.2] * 5, abs=0.015)
