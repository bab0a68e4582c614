"""Counting in workers, and the sample that pairs of columns are chosen from."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.contracts.clicks import CATEGORIES, LABEL
from recsys_assets.kernels.levels import cross_name
from recsys_assets.kernels.tally import count_categories
from recsys_assets.steps.clicks.counts import SAMPLED_OF, choose_pairs, count_values
from recsys_assets.steps.clicks.features import EncodingParams
from recsys_assets.steps.clicks.parts import Block
from recsys_assets.steps.session import Session
from recsys_assets.synthetic.criteo import click_batches

ROWS, BLOCK = 24_000, 1_000
PLAN = EncodingParams(min_count=3)


@pytest.fixture
def blocks(tmp_path: Path) -> list[Block]:
    rows = pl.concat(click_batches(ROWS, 3))
    for first in range(0, ROWS, BLOCK):
        rows[first : first + BLOCK].write_parquet(tmp_path / f"{first}.parquet")
    return [
        Block(str(tmp_path / f"{first}.parquet"), 0, BLOCK, first, "train")
        for first in range(0, ROWS, BLOCK)
    ]


def test_workers_count_what_one_process_counts(session: Session, blocks: list[Block]) -> None:
    pairs = (cross_name("C1", "C2"), cross_name("I1", "C3"))
    counted = count_values(session, blocks, (LABEL, *CATEGORIES, *pairs), PLAN)
    rows = pl.concat(click_batches(ROWS, 3)).with_columns(PLAN.fold_of(0, ROWS, ROWS))
    assert_frame_equal(counted, count_categories(rows, pairs, PLAN.min_count))


def test_of_many_blocks_some_from_everywhere_are_read(
    blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = Block.read

    def counting(block: Block, columns: list[str]) -> pl.DataFrame:
        read.append(block.first)
        return whole(block, columns)

    monkeypatch.setattr(Block, "read", counting)
    choose_pairs(blocks, PLAN.model_copy(update={"cross_rows": 1_000}))
    assert 1_000 <= len(read) * BLOCK <= 2 * SAMPLED_OF * 1_000
    assert read[0] == 0
    assert read[-1] >= 0.7 * ROWS
    read.clear()
    choose_pairs(blocks, PLAN)
    assert len(read) == len(blocks)
