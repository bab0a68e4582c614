"""Drift of drops: still where nothing changed, seen where something did, kept over runs."""

import datetime

import numpy as np
import polars as pl
import pytest

from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL
from recsys_assets.contracts.drift import DRIFT, Drift
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.steps.evaluation.drift import (
    DriftParams,
    measure_click_drift,
    measure_rating_drift,
)
from recsys_assets.steps.session import Session
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets_tests.steps.tables import write_ratings

DAY = datetime.date(2026, 1, 1)
PARAMS = DriftParams()


def write_clicks(session: Session, number: int, rows: pl.DataFrame) -> None:
    date = DAY + datetime.timedelta(days=number)
    table = rows.with_columns(pl.lit(date).alias(DROP_DATE), pl.lit("a.tsv").alias("file"))
    session.lake.write_frame(table, CLICKS.name, {DROP_DATE: date.isoformat()})


def drifted(session: Session, dataset: str) -> set[tuple[str, str]]:
    rows = session.lake.scan(DRIFT).filter(pl.col("drifted"), dataset=dataset).collect()
    return set(rows.select("column", "measure").iter_rows())


def ratings(seed: int, users: range, stars: list[float]) -> list[tuple[int, int, float, int]]:
    rng = np.random.default_rng(seed)
    return [
        (int(rng.choice(users)), int(rng.integers(1, 200)), float(rng.choice(stars)), 978_300_760)
        for _ in range(2_000)
    ]


def test_drops_of_one_distribution_are_still(session: Session) -> None:
    for number, rows in enumerate(click_batches(9_000, 3, 3_000)):
        write_clicks(session, number, rows)
    report = measure_click_drift(session, PARAMS)
    assert drifted(session, "clicks") == set()
    table = session.lake.scan(DRIFT).collect()
    Drift.validate(table)
    assert table["drop_date"].n_unique() == 2
    assert table.filter(measure="psi").height == 2 * 39
    assert set(report.plots) == {"Drift by column", "Drift by drop"}
    assert report.figures["drifted"] == 0


def test_a_shifted_column_and_a_higher_click_rate_are_seen(session: Session) -> None:
    before, after = click_batches(6_000, 3, 3_000)
    write_clicks(session, 0, before)
    clicked = pl.when(pl.int_range(pl.len()) % 2 == 0).then(1).otherwise(LABEL)
    changed = after.with_columns(
        pl.col("I2") * 20,
        pl.lit("0000beef").alias(CATEGORIES[16]),
        clicked.cast(pl.Int64).alias(LABEL),
    )
    write_clicks(session, 1, changed)
    report = measure_click_drift(session, PARAMS)
    expected = {("I2", "psi"), ("I2", "ks"), ("C17", "psi"), ("C17", "ks"), (LABEL, "mean")}
    assert drifted(session, "clicks") == expected
    assert "I2" in str(report.figures["drifted_columns"])


def test_mean_rating_and_new_users_are_watched(session: Session) -> None:
    write_ratings(
        session.lake,
        ratings(1, range(1, 300), [3.0, 3.5, 4.0]),
        ratings(2, range(1, 300), [3.0, 3.5, 4.0]),
        ratings(3, range(5_000, 5_300), [0.5, 1.0, 5.0]),
    )
    measure_rating_drift(session, PARAMS)
    assert {("user", "new_share"), ("rating", "mean"), ("rating", "ks")} <= drifted(
        session, "ratings"
    )
    second = session.lake.scan(DRIFT).filter(drop_date=DAY + datetime.timedelta(days=1)).collect()
    assert not second["drifted"].any()
    mean = second.filter(measure="mean").row(0, named=True)
    assert mean["value"] == pytest.approx(mean["current"] - mean["reference"])


def test_few_rows_raise_no_alarm(session: Session) -> None:
    write_ratings(
        session.lake,
        [(user, 1, 5.0, 978_300_760) for user in range(1, 20)],
        [(user, 2, 0.5, 978_300_760) for user in range(100, 120)],
    )
    measure_rating_drift(session, PARAMS)
    assert session.lake.scan(DRIFT).collect().height > 0
    assert drifted(session, "ratings") == set()


def test_the_first_drop_has_no_reference(session: Session) -> None:
    write_ratings(session.lake, [(1, 1, 4.0, 978_300_760)])
    report = measure_rating_drift(session, PARAMS)
    assert "first drop" in str(report.figures["reference"])
    assert session.lake.scan(DRIFT).collect().is_empty()


def test_drops_that_left_the_window_keep_their_figures(session: Session) -> None:
    for number, rows in enumerate(click_batches(4_000, 3, 1_000)):
        write_clicks(session, number, rows)
    measure_click_drift(session, PARAMS)
    measure_click_drift(session, DriftParams(drops=1))
    assert session.lake.scan(DRIFT).collect()["drop_date"].n_unique() == 3
    once = session.lake.scan(DRIFT).collect().height
    measure_click_drift(session, PARAMS)
    assert session.lake.scan(DRIFT).collect().height == once


def test_rows_of_both_data_sets_are_counted(session: Session) -> None:
    for number, rows in enumerate(click_batches(4_000, 3, 1_000)):
        write_clicks(session, number, rows)
    measure_click_drift(session, PARAMS)
    of_ratings = session.lake.scan(DRIFT).collect().with_columns(pl.lit("ratings").alias("dataset"))
    session.lake.write_frame(of_ratings, DRIFT, {"dataset": "ratings"})
    report = measure_click_drift(session, PARAMS)
    assert report.rows[DRIFT] == session.lake.scan(DRIFT).collect().height == 2 * of_ratings.height


def test_nothing_landed(session: Session) -> None:
    assert "clicks" in measure_click_drift(session, PARAMS).skipped
    assert "ratings" in measure_rating_drift(session, PARAMS).skipped


def test_a_table_without_rows_is_said(session: Session) -> None:
    write_clicks(session, 0, next(iter(click_batches(1_000, 3, 1_000))))
    schema = session.lake.scan(CLICKS.name).drop(DROP_DATE).collect().to_arrow().schema
    session.lake.replace_drop(CLICKS.name, DAY, [], schema, "withdrawn")
    assert "no drop holds a row" in str(measure_click_drift(session, PARAMS).figures["reference"])


def test_of_withdrawn_drops_nothing_is_told_any_more(session: Session) -> None:
    batches = list(click_batches(12_000, 3, 3_000))
    for number, rows in enumerate(batches):
        write_clicks(session, number, rows)
    measure_click_drift(session, PARAMS)
    # The first drop goes, so the second has none before it any more; the third goes itself.
    for number in (0, 2):
        day = DAY + datetime.timedelta(days=number)
        session.lake.delete(CLICKS.name, {DROP_DATE: day.isoformat()})
    measure_click_drift(session, PARAMS)
    dates = session.lake.scan(DRIFT).select("drop_date").unique().collect()["drop_date"]
    assert dates.to_list() == [DAY + datetime.timedelta(days=3)]
