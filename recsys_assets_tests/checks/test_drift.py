"""The newest drop is held against the figures of its own; a first drop has nothing before it."""

import datetime
import warnings

import polars as pl

from recsys_assets.checks.drift import ratings_hold_still
from recsys_assets.contracts.drift import DRIFT, Drift
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.resources.storage import Storage

DAYS = [datetime.date(2026, 1, day) for day in (30, 31)]


def write(storage: Storage, *drifted: bool) -> None:
    rows = [
        {
            "dataset": "ratings",
            "drop_date": day,
            "column": "rating",
            "measure": "psi",
            "value": 0.5 if far else 0.01,
            "threshold": 0.2,
            "drifted": far,
        }
        for day, far in zip(DAYS, drifted, strict=False)
    ]
    schema = polars_schema(Drift)
    frame = pl.DataFrame(rows, {name: schema[name] for name in rows[0]} if rows else schema)
    missing = [pl.lit(None, schema[name]).alias(name) for name in schema.keys() - {*frame.columns}]
    storage.lake.write_frame(frame.with_columns(missing).select(list(schema)), DRIFT)


def test_the_newest_drop_counts(storage: Storage) -> None:
    write(storage, True, False)
    assert ratings_hold_still(storage).passed
    write(storage, False, True)
    result = ratings_hold_still(storage)
    assert not result.passed
    assert result.metadata["drop"].value == "2026-01-31"
    assert "rating psi 0.500 beyond 0.200" in str(result.metadata["drifted"].value)


def test_a_first_drop_drifts_from_nothing_and_without_a_warning(storage: Storage) -> None:
    write(storage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ratings_hold_still(storage)
    assert result.passed and "none yet" in str(result.metadata["drop"].value)
