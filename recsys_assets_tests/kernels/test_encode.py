"""The encoder of clicks: closed forms, and the laws that keep a label out of its own features."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recsys_assets.contracts.click_tables import ClickFeatures
from recsys_assets.contracts.clicks import Clicks
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_folds import FOLD, assign_folds
from recsys_assets.kernels.encode import encode, feature_names
from recsys_assets.kernels.tally import count_categories
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets_tests.kernels.click_rows import (
    NEW,
    A,
    B,
    C,
    as_clicks,
    clicks,
    fitted,
    rows_of_clicks,
    training_rows,
)


@pytest.fixture
def training() -> pl.DataFrame:
    return training_rows()


def test_fields_are_those_of_the_contract() -> None:
    assert [LABEL, *NUMBERS, *CATEGORIES] == list(Clicks.to_schema().columns)


def test_features_have_their_published_names() -> None:
    names = feature_names()
    assert names[:13] == [f"I{i}" for i in range(1, 14)]
    assert names[13:17] == ["C1_count", "C1_mean", "C2_count", "C2_mean"]
    assert len(names) == len(set(names)) == 13 + 2 * 26 + 1
    assert [*names, LABEL, "split"] == list(ClickFeatures.to_schema().columns)


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
