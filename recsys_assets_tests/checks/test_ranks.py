"""Lists whose ranks do not run from 1 without a gap are not whole."""

import polars as pl
import pytest

from recsys_assets.checks.recommendations import lists_are_whole
from recsys_assets.contracts.recommendations import TOP_K, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage


@pytest.mark.parametrize("ranks", [(1, 3, 3), (2, 2, 3), (1, 2, 4)])
def test_a_list_with_a_rank_twice_or_missing_is_not_whole(home: Home, ranks: list[int]) -> None:
    row = {"user": 1, "score": 1.0, "model": "m", "reason": "", "model_version": 1}
    rows = [row | {"rank": rank, "item": n} for n, rank in enumerate(ranks, 1)]
    home.lake.write_frame(pl.DataFrame(rows, polars_schema(TopK)), TOP_K)
    assert not lists_are_whole(Storage(home=str(home.root))).passed
