"""What is damaged is named: tables without a readable log, data files cut off or gone."""

from pathlib import Path

import polars as pl
import pytest
from polars.exceptions import ComputeError, PanicException

from recsys_assets.cli import app as cli
from recsys_assets.home import Home
from recsys_assets.lake.damage import damage_of, find_damage


@pytest.fixture
def lake_home(home: Home) -> Home:
    frame = pl.DataFrame({"user": list(range(100)), "drop_date": ["2026-01-30"] * 100})
    for table in ("clicks", "movies", "top_k"):
        home.lake.write_frame(frame, table)
    home.lake.write_frame(frame, "ratings", {"drop_date": "2026-01-30"})
    return home


def data_file(home: Home, table: str) -> Path:
    (path,) = Path(home.lake.uri(table)).rglob("*.parquet")
    return path


def test_whole_tables_are_none(lake_home: Home) -> None:
    assert find_damage(lake_home.lake) == []


def test_each_damaged_table_is_named(lake_home: Home) -> None:
    cut, gone = data_file(lake_home, "ratings"), data_file(lake_home, "movies")
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:20])
    gone.unlink()
    log = Path(lake_home.lake.uri("clicks")) / "_delta_log" / f"{0:020}.json"
    log.write_text("not json")
    clicks, movies, ratings = find_damage(lake_home.lake)
    assert clicks.startswith("clicks: its log cannot be read: ")
    assert movies == f"movies: {gone.name} is gone"
    assert ratings == f"ratings: {cut.name} has 20 bytes, not {size:,}"


def test_errors_about_something_else_are_no_damage() -> None:
    assert damage_of(FileNotFoundError("ratings.csv")) is None
    assert damage_of(ComputeError("cannot compare string with numeric type")) is None
    assert damage_of(FileNotFoundError("no such file: a/part-0.parquet")) is not None
    assert damage_of(ComputeError("parquet: File out of specification: invalid utf8")) is not None
    assert damage_of(PanicException("range")) == (
        "table damaged: a file of it cannot be read: range"
    )


def test_a_command_names_what_it_met(
    lake_home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data_file(lake_home, "ratings")
    path.write_bytes(b"PAR1")

    def show() -> None:
        lake_home.lake.scan("ratings").collect()

    monkeypatch.setenv("RECSYS_HOME", str(lake_home.root))
    monkeypatch.setattr(cli, "app", show)
    with pytest.raises(SystemExit):
        cli.run()
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("error: table damaged: ")
    assert f"ratings: {path.name} has 4 bytes" in said.replace("- ", "-")
