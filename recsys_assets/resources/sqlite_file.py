"""One SQLite file that several processes write: each transaction takes its turn."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from recsys_assets.sqlite_journal import journal_of

WAIT_SECONDS = 30.0
"""How long a writer waits for its turn."""


@contextmanager
def transaction(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """One transaction of a writer, on tables that are created where they do not exist.

    Args:
        path: the file, on a local disk, or on a share that keeps locks, as NFS does.
        schema: ``CREATE … IF NOT EXISTS`` statements, each ended by a semicolon.

    Raises:
        sqlite3.Error: the file cannot be written, or its turn did not come.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as connection:
        _use_journal(connection, journal_of(path))
        connection.executescript(schema)
        # Taken at once: what is read here decides what is written.
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            yield connection


def _use_journal(connection: sqlite3.Connection, mode: str) -> None:
    """Set the mode; SQLite does not wait here by itself while others open a new file."""
    latest = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > latest:
                raise
            time.sleep(0.01)
        else:
            return
