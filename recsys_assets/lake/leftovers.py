"""Files in a table's folder that can go: those of old versions, and those that no version holds.

The latter a run left that died, or found no room. They are what fills a disk tonight, and nobody
can roll back to them; so they need not grow old first, as files of old versions do.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

_STILL_WRITTEN_SECONDS = 300.0
"""Younger files may be those of an append that has not been committed yet; it takes moments."""


def remove_old(delta: DeltaTable, folder: Path, days: int) -> list[str]:
    """Remove files that no version of the last days holds; their paths in the folder.

    Rows may be appended meanwhile, as subscribers are: a file that the log does not call replaced
    must not be young, whatever the version at hand says.

    Args:
        delta: the newest version of the table.
        folder: where the table lies, on this machine.
        days: for which versions are kept.
    """
    unused = delta.vacuum(
        retention_hours=days * 24, dry_run=True, enforce_retention_duration=False, full=True
    )
    replaced = set(_named_in(folder / "_delta_log", ("remove",)))
    return _remove(folder, {unquote(name) for name in unused}, at_once=replaced)


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
    named = set(_named_in(folder / "_delta_log", ("add", "remove")))
    return _remove(folder, {unquote(name) for name in unused} - named, at_once=set())


def _remove(folder: Path, names: set[str], at_once: set[str]) -> list[str]:
    """Remove files of a folder, of those not to be removed at once only what is not young."""
    latest, removed = time.time() - _STILL_WRITTEN_SECONDS, []
    for name in sorted(names):
        path = folder / name
        if path.is_file() and (name in at_once or path.stat().st_mtime < latest):
            path.unlink()
            removed.append(name)
    return removed


def _named_in(log: Path, kinds: Sequence[str]) -> Iterator[str]:
    """Paths that the commits of a log add to a table or remove from it."""
    for commit in log.glob("*.json"):
        for line in commit.read_text(encoding="utf-8").splitlines():
            action = json.loads(line)
            for kind in kinds:
                if kind in action:
                    yield unquote(action[kind]["path"])
