"""What the trees of the hybrid are grown from reaches Spark whole, list by list."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recsys_assets.kernels.recommenders.inner import RankingRows
from recsys_assets.steps.recommenders.trees import _parts


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 8))
def test_parts_hold_every_row_once_and_cut_no_list(counts: list[int], count: int) -> None:
    total = sum(counts)
    features = np.arange(2 * total, dtype=np.float32).reshape(-1, 2)
    labels = (np.arange(total) % 3 == 0).astype(np.int8)
    parts = list(_parts(RankingRows(("a", "b"), features, labels, np.array(counts)), count))
    assert 1 <= len(parts) <= count
    whole = pl.concat(parts)
    np.testing.assert_array_equal(whole.select("a", "b").to_numpy(), features)
    np.testing.assert_array_equal(whole["label"], labels)
    assert whole["list"].to_list() == np.repeat(np.arange(len(counts)), counts).tolist()
    of_lists = [set(part["list"]) for part in parts]
    assert sum(map(len, of_lists)) == len(counts)
    # A part is larger than its share by less than the list that it ends with.
    assert max(part.height for part in parts) < total / count + max(counts)
