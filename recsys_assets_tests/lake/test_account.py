"""The account of files is read anew when it has changed, and not otherwise."""

import datetime
from typing import Any

import polars as pl
import pytest

from recsys_assets.automation.served import served_facts
from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.pending import waiting_drops
from recsys_assets.lake.rollbacks import roll_back


def account(home: Home, day: int, read: int) -> None:
    date = datetime.date(2026, 1, day)
    row = {"dataset": "ratings", "drop_date": date, "file": "a.csv", "size": 1, "form": "csv"}
    row |= {"read": read, "accepted": 0, "quarantined": 0, "rejected": False, "reasons": "{}"}
    frame = pl.DataFrame([row | {"message": None}], polars_schema(Files))
    home.lake.write_frame(frame, FILES, {"dataset": "ratings", "drop_date": date.isoformat()})


def read(home: Home) -> list[int]:
    return sorted(account_of_files(home.lake)["read"])


def test_sensors_read_the_data_files_of_an_account_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, scan = [], pl.scan_delta

    def counted(*args: Any, **more: Any) -> pl.LazyFrame:
        reads.append(args)
        return scan(*args, **more)

    account(home, day=1, read=5)
    monkeypatch.setattr(pl, "scan_delta", counted)
    for _ in range(3):
        assert waiting_drops(home.lake, home.landing_zone, ["ratings", "movies"]).dates == []
        assert "5 of 5 read" in served_facts(home.lake)["lines lost"]
    assert len(reads) == 1
    account(home, day=2, read=7)
    assert "12 of 12 read" in served_facts(home.lake)["lines lost"]
    assert len(reads) == 2


def test_what_changes_the_account_is_seen(home: Home) -> None:
    assert account_of_files(home.lake).is_empty()
    account(home, day=1, read=5)
    assert read(home) == [5]
    account(home, day=1, read=6)
    account(home, day=2, read=7)
    assert read(home) == [6, 7]
    home.lake.delete(FILES, {"dataset": "ratings", "drop_date": "2026-01-02"})
    assert read(home) == [6]
    roll_back(home.lake, home.landing_zone, FILES, 0, None)
    assert read(home) == [5]
