"""Writers of one SQLite file wait for each other, also while it is new."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from recsys_assets import sqlite_journal
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


def _journal_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str) -> str:
    told = tmp_path / "mountinfo"
    told.write_text(mounts)
    monkeypatch.setattr(sqlite_journal, "MOUNTS", told)
    path = tmp_path / "a share" / "counts.sqlite"
    _add_one(path)
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize(
    ("kind", "journal"),
    [("ext4", "wal"), ("nfs4", "delete"), ("cifs", "delete"), ("fuse.blobfuse2", "delete")],
)
def test_no_write_ahead_log_lies_on_a_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, journal: str
) -> None:
    root = "22 1 0:21 / / rw,relatime - ext4 /dev/vda rw"
    share = f"23 22 0:22 / {tmp_path}/a\\040share rw shared:2 - {kind} host:/x rw"
    assert _journal_where(tmp_path, monkeypatch, f"{share}\n{root}\n") == journal


def test_a_file_that_was_moved_to_a_share_loses_its_write_ahead_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = "22 1 0:21 / / rw - ext4 /dev/vda rw\n"
    assert _journal_where(tmp_path, monkeypatch, root) == "wal"
    assert _journal_where(tmp_path, monkeypatch, root.replace("ext4", "nfs")) == "delete"
