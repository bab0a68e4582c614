"""The encoder of clicks: closed forms, and the laws that keep a label out of its own features."""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recsys_assets.contracts.click_tables import ClickEncoder, ClickFeatures
from recsys_assets.contracts.clicks import Clicks
from recsys_assets.kernels.categories import (
    FOLD,
    STATISTICS_SCHEMA,
    add_up,
    assign_folds,
    count_categories,
    merge_rare,
)
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.encode import Encoder, encode, feature_names
from recsys_assets.synthetic.criteo import click_batches

A, B, C, NEW = "000000aa", "000000bb", "fffffffe", "12345678"


def clicks(**columns: Sequence[object]) -> pl.DataFrame:
    """Rows with the named columns; every other number and category is missing."""
    rows = len(next(iter(columns.values())))
    schema = {
        LABEL: pl.Int8,
        FOLD: pl.Int8,
        **dict.fromkeys(NUMBERS, pl.Int32),
        **dict.fromkeys(CATEGORIES, pl.String),
    }
    empty = dict.fromkeys([*NUMBERS, *CATEGORIES], [None] * rows)
    given_columns = {name: columns[name] for name in schema if name in columns}
    return pl.DataFrame(empty | given_columns, {n: schema[n] for n in empty | given_columns})


def fitted(training: pl.DataFrame, smoothing: float = 2.0, min_count: int = 1) -> Encoder:
    return Encoder(merge_rare(count_categories(training), min_count), smoothing)


@pytest.fixture
def training() -> pl.DataFrame:
    return clicks(
        label=[1, 0, 1, 1, 0, 0, 0, 1],
        fold=[0, 0, 0, 1, 1, 1, 1, 1],
        C1=[A, A, B, A, A, B, None, C],
        I1=[1, None, -2, 3, 4, 5, 6, 2_000_000_000],
    )


def test_fields_are_those_of_the_contract() -> None:
    assert [LABEL, *NUMBERS, *CATEGORIES] == list(Clicks.to_schema().columns)


def test_features_have_their_published_names() -> None:
    names = feature_names()
    assert names[:13] == [f"I{i}" for i in range(1, 14)]
    assert names[13:17] == ["C1_count", "C1_mean", "C2_count", "C2_mean"]
    assert len(names) == len(set(names)) == 13 + 2 * 26 + 1
    assert [*names, LABEL, "split"] == list(ClickFeatures.to_schema().columns)


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


def test_later_rows_are_encoded_from_all_training_rows(training: pl.DataFrame) -> None:
    features = encode(clicks(C1=[A, B, C]), fitted(training))
    prior = 4 / 8
    assert features["C1_count"].to_list() == pytest.approx([math.log(5), math.log(3), math.log(2)])
    means = [(2 + 2 * prior) / (4 + 2), (1 + 2 * prior) / (2 + 2), (1 + 2 * prior) / (1 + 2)]
    assert features["C1_mean"].to_list() == pytest.approx(means)


def test_training_rows_are_encoded_from_the_other_folds(training: pl.DataFrame) -> None:
    features = encode(training, fitted(training), FOLD)
    without_0, without_1 = 2 / 5, 2 / 3
    means = [
        (1 + 2 * without_0) / (2 + 2),
        (1 + 2 * without_0) / (2 + 2),
        (0 + 2 * without_0) / (1 + 2),
        (1 + 2 * without_1) / (2 + 2),
        (1 + 2 * without_1) / (2 + 2),
        (1 + 2 * without_1) / (1 + 2),
        without_1,
        without_1,
    ]
    assert features["C1_mean"].to_list() == pytest.approx(means)
    # Counts hold no label, so they are those of all training rows.
    whole = encode(training, fitted(training))
    assert_frame_equal(features.select("C1_count"), whole.select("C1_count"))


def test_numbers_pass_as_they_are(training: pl.DataFrame) -> None:
    features = encode(training, fitted(training), FOLD)
    assert features["I1"].to_list() == [1, None, -2, 3, 4, 5, 6, 2_000_000_000]
    assert set(features.dtypes) == {pl.Float32}
    assert features.columns == feature_names()


def test_unknown_and_missing_values_get_the_prior(training: pl.DataFrame) -> None:
    features = encode(clicks(C1=[NEW, None, "no hexadecimal"], C2=[A, None, A]), fitted(training))
    assert features["C1_mean"].to_list() == [0.5, 0.5, 0.5]
    assert features["C1_count"].to_list() == [0.0, None, 0.0]
    assert features["C2_mean"].to_list() == [0.5, 0.5, 0.5]
    assert features["C2_count"].to_list() == [0.0, None, 0.0]


def test_rare_values_are_known_together(training: pl.DataFrame) -> None:
    encoder = fitted(training, min_count=3)
    kept = encoder.statistics.filter(column="C1")
    assert set(kept["value"]) == {0xAA, None}
    assert kept["count"].sum() == count_categories(training).filter(column="C1")["count"].sum()
    features = encode(clicks(C1=[B, C, NEW, A]), encoder)
    rare = (2 + 2 * 0.5) / (3 + 2)
    known = (2 + 2 * 0.5) / (4 + 2)
    assert features["C1_mean"].to_list() == pytest.approx([rare, rare, rare, known])
    assert features["C1_count"].to_list() == pytest.approx([0, 0, 0, math.log(5)])


def test_an_encoder_without_folds_encodes_later_rows_alike(training: pl.DataFrame) -> None:
    encoder = fitted(training, min_count=2)
    small = encoder.without_folds()
    assert small.statistics.height < encoder.statistics.height
    rows = clicks(C1=[A, B, C, NEW, None])
    assert_frame_equal(encode(rows, small), encode(rows, encoder), check_exact=True)


def test_folds_that_the_encoder_does_not_know_are_refused(training: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="folds 0 to 1"):
        encode(training.with_columns(pl.lit(2).alias(FOLD)), fitted(training), FOLD)
    with pytest.raises(ValueError, match="at least 2"):
        encode(training.with_columns(pl.lit(0).alias(FOLD)), fitted(training).without_folds(), FOLD)
    with pytest.raises(ValueError, match="C26"):
        encode(training.drop("C26"), fitted(training))


rows_of_clicks = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 2),
        st.sampled_from([A, B, C, None]),
        st.sampled_from([A, B]),
    ),
    min_size=4,
    max_size=30,
).filter(lambda rows: {0, 1, 2} <= {row[1] for row in rows})


def as_clicks(rows: list[tuple[int, int, str | None, str]]) -> pl.DataFrame:
    label, fold, first, second = zip(*rows, strict=True)
    return clicks(label=label, fold=fold, C1=first, C2=second)


@settings(deadline=None, max_examples=40)
@given(rows_of_clicks, st.data())
def test_no_label_enters_the_features_of_its_own_fold(
    rows: list[tuple[int, int, str | None, str]], data: st.DataObject
) -> None:
    flipped = data.draw(st.integers(0, len(rows) - 1))
    label, fold, first, second = rows[flipped]
    changed = [*rows[:flipped], (1 - label, fold, first, second), *rows[flipped + 1 :]]
    before = encode(as_clicks(rows), fitted(as_clicks(rows)), FOLD)
    after = encode(as_clicks(changed), fitted(as_clicks(changed)), FOLD)
    own = pl.Series([row[1] == fold for row in rows])
    assert_frame_equal(before.filter(own), after.filter(own), check_exact=True)
    same_value = pl.Series([row[1] != fold and row[3] == second for row in rows])
    moved = before["C2_mean"] != after["C2_mean"]
    assert moved.filter(same_value).all()


@settings(deadline=None, max_examples=40)
@given(rows_of_clicks, st.data())
def test_statistics_of_blocks_add_up(
    rows: list[tuple[int, int, str | None, str]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(rows) - 1))
    blocks = [count_categories(as_clicks(part)) for part in (rows[:cut], rows[cut:])]
    whole = merge_rare(count_categories(as_clicks(rows)), 3)
    assert_frame_equal(merge_rare(add_up(pl.concat(blocks).lazy()).collect(), 3), whole)


def test_one_row_is_encoded_as_a_thousand_are() -> None:
    frame = next(click_batches(3_000, 5))
    training = frame.head(2_000).with_columns(assign_folds(0, 2_000, 5, 42))
    encoder, later = fitted(training, 20.0, 3), frame.tail(1_000)
    whole = encode(later, encoder)
    for row in range(0, 1_000, 97):
        assert_frame_equal(encode(later[row], encoder), whole[row], check_exact=True)
    empty = encode(later.clear(), encoder)
    assert empty.height == 0
    assert empty.columns == feature_names()


def test_a_row_of_untyped_nulls_is_encoded(training: pl.DataFrame) -> None:
    row = pl.DataFrame([dict.fromkeys([*NUMBERS, *CATEGORIES])])
    features = encode(row, fitted(training))
    assert features["C1_mean"].to_list() == [0.5]
    assert features["I1"].to_list() == [None]


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
