"""Counts of categories: closed forms, and sums that no order and no cutting changes."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recsys_assets.contracts.click_tables import ClickEncoder
from recsys_assets.kernels.categories import (
    STATISTICS_SCHEMA,
    add_up,
    assign_folds,
    count_categories,
    merge_rare,
)
from recsys_assets.kernels.click_fields import LABEL
from recsys_assets_tests.kernels.click_rows import (
    as_clicks,
    rows_of_clicks,
    training_rows,
)


@pytest.fixture
def training() -> pl.DataFrame:
    return training_rows()


def test_counts_are_those_of_each_value_and_fold(training: pl.DataFrame) -> None:
    statistics = count_categories(training)
    assert dict(statistics.schema) == STATISTICS_SCHEMA
    first = statistics.filter(column="C1").sort("value", "fold").drop("column").rows()
    assert first == [
        (0xAA, 0, 2, 1),
        (0xAA, 1, 2, 1),
        (0xBB, 0, 1, 1),
        (0xBB, 1, 1, 0),
        (0xFFFFFFFE, 1, 1, 1),
    ]
    rows = statistics.filter(column=LABEL).sort("fold").drop("column").rows()
    assert rows == [(None, 0, 3, 2), (None, 1, 5, 2)]
    assert set(statistics["column"]) == {LABEL, "C1"}


def test_statistics_keep_their_contract(training: pl.DataFrame) -> None:
    table = merge_rare(count_categories(training), 2).with_columns(smoothing=pl.lit(2.0))
    ClickEncoder.validate(table)


@settings(deadline=None, max_examples=40)
@given(rows_of_clicks, st.data())
def test_statistics_of_blocks_add_up(
    rows: list[tuple[int, int, str | None, str]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(rows) - 1))
    blocks = [count_categories(as_clicks(part)) for part in (rows[:cut], rows[cut:])]
    whole = merge_rare(count_categories(as_clicks(rows)), 3)
    assert_frame_equal(merge_rare(add_up(pl.concat(blocks).lazy()).collect(), 3), whole)


def test_a_fold_depends_on_the_position_alone() -> None:
    whole = assign_folds(0, 100_000, 5, 42)
    assert whole[70_000:].to_list() == assign_folds(70_000, 30_000, 5, 42).to_list()
    shares = np.bincount(whole.to_numpy()) / 100_000
    assert shares == pytest.approx([0.2] * 5, abs=0.005)
    assert assign_folds(0, 100, 5, 43).to_list() != whole[:100].to_list()


def test_order_of_rows_leaves_the_statistics_alone(training: pl.DataFrame) -> None:
    shuffled = training.sample(fraction=1.0, shuffle=True, seed=1)
    assert_frame_equal(
        merge_rare(count_categories(training), 2), merge_rare(count_categories(shuffled), 2)
    )
