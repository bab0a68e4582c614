"""One SQLite file that several processes write: each transaction takes its turn."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WAIT_SECONDS = 30.0
"""How long a writer waits for its turn."""

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux tells which file system lies where."""

_SHARES = ("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse")
"""Types of file systems that several machines may see at once."""


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


def journal_of(path: Path) -> str:
    """The journal that suits where a file lies: WAL, with which readers never wait, or DELETE.

    All who use a write-ahead log share memory, which those on other machines cannot: on a share
    they would overwrite each other's rows, or damage the file.
    """
    return "DELETE" if _is_share(path) else "WAL"


def _is_share(path: Path) -> bool:
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return False
    found = [(Path(_unescaped(line.split()[4])), line) for line in lines]
    place = path.resolve()
    # The deepest folder counts, and of several in one place the last.
    here = [line for folder, line in sorted(found, key=_depth) if place.is_relative_to(folder)]
    return bool(here) and here[-1].partition(" - ")[2].split(".")[0].split()[0] in _SHARES


def _depth(mount: tuple[Path, str]) -> int:
    return len(mount[0].parts)


def _unescaped(folder: str) -> str:
    """A folder as it is called; the kernel writes blanks and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), folder)


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
