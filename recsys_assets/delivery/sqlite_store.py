"""Lists in one SQLite file: the default, which needs no server."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from recsys_assets.delivery.lookup import Document, Pointer, StoreError, Written
from recsys_assets.sqlite_journal import journal_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lists (
    version TEXT, user INTEGER, list TEXT NOT NULL, PRIMARY KEY (version, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pointer (
    one INTEGER PRIMARY KEY CHECK (one = 1), current TEXT, previous TEXT, documents INTEGER,
    moved TEXT
);
"""


class SqliteStore:
    """A file that one process writes and any number read at the same time."""

    def __init__(self, path: Path) -> None:
        """Open the file; it is made where it does not exist.

        Raises:
            StoreError: it is no database any more.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            with self._open() as database:
                database.execute(f"PRAGMA journal_mode = {journal_of(path)}")
                database.executescript(_SCHEMA)
        except sqlite3.OperationalError:  # locked, or without room
            raise
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{path} is damaged ({error}): move it away, then make it anew by "
                "recsys run --select lookup_lists"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            yield database

    def pointer(self) -> Pointer | None:
        """The pointer; None before the first publication."""
        with self._open() as database:
            row = database.execute(
                "SELECT current, previous, documents, moved FROM pointer"
            ).fetchone()
        return Pointer(*row) if row else None

    def point(self, pointer: Pointer) -> None:
        """Move the pointer, at once for all readers."""
        with self._open() as database:
            database.execute(
                "REPLACE INTO pointer VALUES (1, :current, :previous, :documents, :moved)",
                asdict(pointer),
            )

    def write(self, version: str, documents: Iterable[Document]) -> Written:
        """Write documents of a version in one transaction."""
        rows = ((version, user, text) for user, text in documents)
        with self._open() as database:
            database.execute("DELETE FROM lists WHERE version = ?", [version])
            count = database.executemany("INSERT INTO lists VALUES (?, ?, ?)", rows).rowcount
        return Written(max(count, 0))

    def read(self, version: str, user: int) -> str | None:
        """The document of a user; None where there is none."""
        with self._open() as database:
            found = database.execute(
                "SELECT list FROM lists WHERE version = ? AND user = ?", [version, user]
            ).fetchone()
        return str(found[0]) if found else None

    def remove(self, version: str) -> None:
        """Remove a version."""
        with self._open() as database:
            database.execute("DELETE FROM lists WHERE version = ?", [version])
