"""Writers of one SQLite file wait for each other, also while it is new."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from recsys_assets.resources import sqlite_file
from recsys_assets.resources.sqlite_file import transaction

SCHEMA = "CREATE TABLE IF NOT EXISTS counts (one INTEGER PRIMARY KEY, count INTEGER);"


def _add_one(path: Path) -> None:
    with transaction(path, SCHEMA) as connection:
        row = connection.execute("SELECT count FROM counts").fetchone()
        connection.execute("REPLACE INTO counts VALUES (1, ?)", [(row[0] if row else 0) + 1])


def test_no_writer_is_refused_and_none_overwrites_another(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / str(number) / "counts.sqlite"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _, path=path: _add_one(path), range(16)))
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count FROM counts").fetchall() == [(16,)]


def _replace_and_fail(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM counts")
    connection.execute("INSERT INTO counts VALUES (1, 2), (1, 3)")


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "counts.sqlite"
    _add_one(path)
    with pytest.raises(sqlite3.IntegrityError), transaction(path, SCHEMA) as connection:
        _replace_and_fail(connection)
    with transaction(path, SCHEMA) as connection:
        assert connection.execute("SELECT count FROM counts").fetchone() == (1,)


def test_a_turn_that_never_comes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "counts.sqlite"
    _add_one(path)
    monkeypatch.setattr(sqlite_file, "WAIT_SECONDS", 0.1)
    with (
        transaction(path, SCHEMA),
        pytest.raises(sqlite3.OperationalError, match="locked"),
        transaction(path, SCHEMA),
    ):
        pass
