"""What can be rolled back to after a table's log was summed up in a checkpoint."""

import datetime
import json
import os
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from recsys_assets.home import Home
from recsys_assets.lake import tidying
from recsys_assets.lake.rollbacks import restore_version
from recsys_assets.lake.tidying import tidy_table

DROP, OTHER = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)
_DAY = 24 * 3600


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
    kinds = [entry["operation"] for entry in home.lake.history("ratings")]
    assert kinds.count("VACUUM END") == 3
