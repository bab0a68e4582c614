"""Tidying keeps what can be rolled back to, and removes the rest."""

import datetime
import json
import os
import time
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from recsys_assets.home import Home
from recsys_assets.lake import tidying
from recsys_assets.lake.rollbacks import restore_version
from recsys_assets.lake.tables import Lake
from recsys_assets.lake.tidying import tidy_table, tidy_tables

DROP, OTHER = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)
_DAY = 24 * 3600


def parquet(home: Home, table: str) -> set[Path]:
    return set(Path(home.lake.uri(table)).rglob("*.parquet"))


def test_old_files_and_those_of_killed_runs_go_and_the_newest_version_stays(home: Home) -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    for _ in range(3):
        home.lake.write_frame(frame, "top_k")
    current = {Path(path) for path in home.lake.open("top_k").file_uris()}
    orphan = Path(home.lake.uri("top_k")) / "part-of-a-killed-run.parquet"
    frame.write_parquet(orphan)
    assert tidy_table(home.lake, "top_k", 30) == [], "nothing is old yet"
    month_ago = time.time() - 40 * 24 * 3600
    os.utime(orphan, (month_ago, month_ago))
    tidy_table(home.lake, "top_k", 30)
    assert orphan not in parquet(home, "top_k")
    assert len(parquet(home, "top_k")) == 3, "versions of the last days can be rolled back to"
    tidy_table(home.lake, "top_k", 0)
    assert parquet(home, "top_k") == current
    assert home.lake.scan("top_k").collect().equals(frame)


def test_rows_that_are_appended_while_a_table_is_tidied_stay(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"user": [1]})
    home.lake.append(frame, "subscribers")
    open_table = Lake.open

    def open_before_an_append(lake: Lake, table: str) -> DeltaTable:
        monkeypatch.setattr(Lake, "open", open_table)
        found = lake.open(table)
        lake.append(frame, table)
        return found

    uncommitted = Path(home.lake.uri("subscribers")) / "part-of-now.parquet"
    frame.write_parquet(uncommitted)
    monkeypatch.setattr(Lake, "open", open_before_an_append)
    assert tidy_table(home.lake, "subscribers", 0) == []
    assert home.lake.scan("subscribers").collect().height == 2
    assert uncommitted.is_file()


def test_what_a_run_without_room_left_goes_at_once_and_versions_stay(home: Home) -> None:
    for rows in range(1, 4):
        day = {"drop_date": "2026-01-31"}
        frame = pl.DataFrame({"a": range(rows), "drop_date": ["2026-01-31"] * rows})
        home.lake.write_frame(frame, "ratings", day)
    held = parquet(home, "ratings")
    folder = Path(home.lake.uri("ratings")) / "drop_date=2026-01-31"
    left, written = folder / "part-of-tonight.parquet", folder / "part-of-now.parquet"
    for path in (left, written):
        path.write_bytes(b"half a file")
    for path in (*held, left):  # as in a copy, which brings no times along
        hour_ago = time.time() - 3600
        os.utime(path, (hour_ago, hour_ago))
    assert tidy_table(home.lake, "ratings", 30) == ["drop_date=2026-01-31/part-of-tonight.parquet"]
    assert parquet(home, "ratings") == held | {written}
    assert home.lake.scan("ratings", 0).collect().height == 1, "an old version can still be read"


def test_what_a_run_that_died_had_staged_goes_at_once(home: Home) -> None:
    home.lake.write_frame(pl.DataFrame({"a": [1]}), "top_k")
    # Accepted ratings wait there until it is known which are doubles: on a full disk, all of them.
    staged = home.lake.staging("validate-ratings") / "rows.arrow"
    staged.write_bytes(b"half a file")
    assert tidy_tables(home.lake, 30) == {"top_k": 0, "_staging": 1}
    assert not staged.exists()
    assert tidy_tables(home.lake, 30) == {"top_k": 0, "_staging": 0}


def write(home: Home, value: int, date: datetime.date) -> None:
    frame = pl.DataFrame({"a": [value], "drop_date": [date]})
    home.lake.write_frame(frame, "ratings", {"drop_date": date.isoformat()})


def grow_old(home: Home, days: int) -> None:
    """Let everything about the table have happened so many days earlier."""
    folder = Path(home.lake.uri("ratings"))
    for commit in (folder / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for said in (value for action in actions for value in action.values()):
            for name in ("timestamp", "deletionTimestamp", "modificationTime"):
                if said.get(name):
                    said[name] -= days * _DAY * 1000
        commit.write_text("".join(f"{json.dumps(action)}\n" for action in actions))
    for path in folder.rglob("*"):
        earlier = path.stat().st_mtime - days * _DAY
        os.utime(path, (earlier, earlier))


def test_what_was_replaced_ten_days_ago_can_be_gone_back_to(home: Home) -> None:
    write(home, 1, DROP)
    grow_old(home, 15)
    write(home, 2, DROP)
    grow_old(home, 10)
    for value in range(110):
        write(home, value, OTHER)
    log = Path(home.lake.uri("ratings")) / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    tidy_table(home.lake, "ratings", 20)  # the first version was written before, and replaced since
    assert home.lake.holds("ratings", 0)
    restore_version(home.lake, "ratings", 0)
    assert home.lake.scan("ratings").collect()["a"].to_list() == [1]


def test_tables_of_an_earlier_release_keep_them_too(home: Home) -> None:
    write_deltalake(home.lake.uri("ratings"), pl.DataFrame({"a": [1]}).to_arrow())
    written = home.lake.written("ratings")
    tidy_table(home.lake, "ratings", 30)
    made = home.lake.version("ratings")
    assert home.lake.written("ratings") == written, "its rows are as old as before"
    tidy_table(home.lake, "ratings", 30)
    assert home.lake.version("ratings") == made, "once is enough"
    for _ in range(2):
        home.lake.write_frame(pl.DataFrame({"a": [1]}), "top_k")
        home.lake.append(pl.DataFrame({"a": [1]}), "subscribers")
    kept = {"delta.deletedFileRetentionDuration": "interval 30 days"}
    for table in ("ratings", "top_k", "subscribers"):
        assert home.lake.open(table).metadata().configuration == kept


def test_rows_in_a_container_are_as_old_as_before_it_was_tidied(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There delta-rs removes the files, and notes in the log that it did, each time."""
    monkeypatch.setattr(tidying, "is_remote", lambda folder: True)
    for value in range(4):
        write(home, value, DROP)
    grow_old(home, 40)
    written = home.lake.written("ratings")
    for days in (30, 20, 10):
        stray = home.lake.folder("ratings", DROP) / "stray.parquet"
        stray.write_bytes(b"left by a run that died")
        earlier = stray.stat().st_mtime - 35 * _DAY
        os.utime(stray, (earlier, earlier))
        tidy_table(home.lake, "ratings", days)
        assert home.lake.written("ratings") == written
        assert not stray.exists()
    kinds = [entry["operation"] for entry in home.lake.history("ratings")]
    assert kinds.count("VACUUM END") == 3


def test_in_a_container_what_was_replaced_ten_days_ago_can_be_gone_back_to(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "is_remote", lambda folder: True)
    for value in (1, 2):
        write(home, value, DROP)
    grow_old(home, 10)
    assert tidy_table(home.lake, "ratings", 20) == []
    assert home.lake.holds("ratings", 0)
    write(home, 3, DROP)  # what it replaces is being read now
    assert len(tidy_table(home.lake, "ratings", 0)) == 1
    assert not home.lake.holds("ratings", 0) and home.lake.holds("ratings", 1)
