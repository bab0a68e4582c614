"""Counts of categories: closed forms, and sums that no order and no cutting changes."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recsys_assets.contracts.click_tables import ClickEncoder
from recsys_assets.kernels.categories import STATISTICS_SCHEMA
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL
from recsys_assets.kernels.tally import Tally, count_categories
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
    table = count_categories(training, min_count=2).with_columns(smoothing=pl.lit(2.0))
    ClickEncoder.validate(table)


@settings(deadline=None, max_examples=40)
@given(rows_of_clicks, st.data())
def test_statistics_of_blocks_add_up(
    rows: list[tuple[int, int, str | None, str]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(rows) - 1))
    tally = Tally((LABEL, *CATEGORIES))
    for part in (rows[:cut], rows[cut:]):
        tally.add(as_clicks(part))
        tally.statistics()  # what was asked for in between changes nothing
    assert_frame_equal(tally.statistics(3), count_categories(as_clicks(rows), min_count=3))


def test_order_of_rows_leaves_the_statistics_alone(training: pl.DataFrame) -> None:
    shuffled = training.sample(fraction=1.0, shuffle=True, seed=1)
    assert_frame_equal(count_categories(training), count_categories(shuffled))


@settings(deadline=None, max_examples=40)
@given(rows_of_clicks, st.integers(1, 5))
def test_a_tally_counts_what_grouping_counts(
    rows: list[tuple[int, int, str | None, str]], min_count: int
) -> None:
    """The same by a group of rows for each value, and one more for all that are rare."""
    frame = as_clicks(rows)
    expected: dict[tuple[int | None, int], list[int]] = {}
    values = [None if value is None else int(value, 16) for value in frame["C1"]]
    for value, fold, label in zip(values, frame["fold"], frame[LABEL], strict=True):
        if value is not None:
            known = value if values.count(value) >= min_count else None
            counts = expected.setdefault((known, fold), [0, 0])
            counts[0] += 1
            counts[1] += label
    statistics = count_categories(frame, min_count=min_count).filter(column="C1")
    found = {(value, fold): counts for _, value, fold, *counts in statistics.iter_rows()}
    assert found == expected
    assert len(found) == statistics.height


def test_a_column_without_a_value_has_no_statistics(training: pl.DataFrame) -> None:
    tally = Tally((LABEL, "C2"))
    tally.add(training.with_columns(C2=pl.lit(None, pl.String)))
    assert set(tally.statistics()["column"]) == {LABEL}
    tally.add(training.with_columns(C2=pl.lit("000000ff")))
    assert tally.statistics().filter(column="C2")["count"].sum() == training.height
