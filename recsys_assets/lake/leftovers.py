"""Files that a run which died, or found no room, left in a table's folder: no version holds them.

They are what fills a disk tonight, and nobody can roll back to them; so they need not grow old
first, as files of old versions do.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

_STILL_WRITTEN_SECONDS = 300.0
"""Younger files may be those of an append that has not been committed yet; it takes moments."""


def remove_leftovers(delta: DeltaTable, folder: Path) -> list[str]:
    """Remove files that no version in the log has ever named; their paths in the folder.

    The log is read, not the times of files: a copy of a table may have brought none along.

    Args:
        delta: the newest version of the table.
        folder: where the table lies, on this machine.
    """
    unused = delta.vacuum(
        retention_hours=0, dry_run=True, enforce_retention_duration=False, full=True
    )
    latest = time.time() - _STILL_WRITTEN_SECONDS
    named, removed = set(_named_in(folder / "_delta_log")), []
    for name in sorted({unquote(name) for name in unused} - named):
        path = folder / name
        if path.is_file() and path.stat().st_mtime < latest:
            path.unlink()
            removed.append(name)
    return removed


def _named_in(log: Path) -> Iterator[str]:
    """Paths that the commits of a log add to a table or remove from it."""
    for commit in log.glob("*.json"):
        for line in commit.read_text(encoding="utf-8").splitlines():
            action = json.loads(line)
            for kind in ("add", "remove"):
                if kind in action:
                    yield unquote(action[kind]["path"])
