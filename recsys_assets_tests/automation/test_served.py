"""What an alert says of the data: nothing lost, what is quarantined, what users see."""

import datetime
import shutil
from pathlib import Path

import polars as pl
import pytest

from recsys_assets.automation.served import damage_facts, quarantine_assets, served_facts
from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.lake.tables import Lake

DAY = datetime.date(2026, 1, 31)


def account(home: Home, read: int, accepted: int, quarantined: int) -> None:
    row = ("ratings", DAY, "a.csv", 9, "ratings.csv", read, accepted, quarantined, False)
    frame = pl.DataFrame(
        [(*row, '{"rating.in_range": 3}', None)], polars_schema(Files), orient="row"
    )
    home.lake.write_frame(frame, FILES)


def test_an_empty_lake_says_so(home: Home) -> None:
    assert served_facts(home.lake)["lines lost"] == "none: nothing has been read yet"


def test_lines_are_counted_and_rules_named(home: Home) -> None:
    account(home, 100, 97, 3)
    home.lake.write_frame(pl.DataFrame({"user": [1]}), "top_k")
    facts = served_facts(home.lake, [("2026-01-30", "2026-02-01")])
    assert facts["lines lost"] == "0 of 100 read; landed files stay as they came"
    assert facts["lines quarantined"] == "3 of 100: rating.in_range 3"
    assert facts["still served"].startswith("top_k of 20")
    assert quarantine_assets(home.lake, [("2026-01-30", "2026-02-01")]) == ["quarantine_ratings"]
    assert quarantine_assets(home.lake, [("2026-02-01", "2026-02-01")]) == []
    around = [("2026-01-29", "2026-01-30"), ("2026-02-01", "2026-02-01")]
    assert quarantine_assets(home.lake, around) == []
    assert served_facts(home.lake, around)["lines quarantined"].startswith("none yet")


def test_a_lake_that_cannot_be_read_is_a_fact_not_an_error(home: Home) -> None:
    account(home, 100, 97, 3)
    log = Path(home.lake.uri(FILES)) / "_delta_log"
    shutil.rmtree(log)
    log.mkdir()
    (log / f"{0:020}.json").write_text("rubbish")
    assert "cannot be read" in served_facts(home.lake)["still served"]
    assert quarantine_assets(home.lake, [("2026-01-30", "2026-02-01")]) == []


def test_what_is_damaged_is_named_where_that_is_the_trouble(home: Home) -> None:
    home.lake.write_frame(pl.DataFrame({"user": [1]}), "top_k")
    assert damage_facts("table-damaged", home.lake) == {"damaged": "nothing any more"}
    (path,) = Path(home.lake.uri("top_k")).glob("*.parquet")
    path.unlink()
    assert damage_facts("table-damaged", home.lake) == {"damaged": f"top_k: {path.name} is gone"}
    assert damage_facts("run-failed", home.lake) == {}


def test_a_store_that_refuses_to_list_its_tables_silences_no_alert(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Lake) -> list[str]:
        raise RuntimeError("the store answered 503")

    monkeypatch.setattr(Lake, "names", refuse)
    facts = damage_facts("table-damaged", home.lake)
    assert facts == {
        "damaged": "the tables cannot be looked at: RuntimeError: the store answered 503"
    }
