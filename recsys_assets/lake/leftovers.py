"""Files in a table's folder that can go: those of old versions, and those that no version holds.

The latter a run left that died, or found no room. They are what fills a disk tonight, and nobody
can roll back to them; so they need not grow old first, as files of old versions do.
"""

import json
import time
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

_STILL_WRITTEN_SECONDS = 300.0
"""Younger files may be those of an append that has not been committed yet; it takes moments."""


def remove_unused(delta: DeltaTable, folder: Path, days: int) -> list[str]:
    """Remove files that no version of the last days holds, or that no version in the log has named.

    For the latter the log is read, not the times of files: a copy of a table may have brought none
    along. Rows may be appended meanwhile, as subscribers are: a file that the log does not call
    replaced must not be young, whatever the version at hand says.

    Args:
        delta: the newest version of the table.
        folder: where the table lies, on this machine.
        days: for which versions are kept.

    Returns:
        Their paths in the folder.
    """
    old, unheld = (
        delta.vacuum(
            retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True
        )
        for hours in (days * 24, 0)
    )
    added, replaced = _named_in(folder / "_delta_log")
    unused = {*map(unquote, old)} | ({*map(unquote, unheld)} - added - replaced)
    latest, removed = time.time() - _STILL_WRITTEN_SECONDS, []
    for name in sorted(unused):
        path = folder / name
        if path.is_file() and (name in replaced or path.stat().st_mtime < latest):
            path.unlink()
            removed.append(name)
    return removed


def _named_in(log: Path) -> tuple[set[str], set[str]]:
    """Paths that the commits of a log add to a table, and those that they remove from it."""
    named: dict[str, set[str]] = {"add": set(), "remove": set()}
    for commit in log.glob("*.json"):
        for line in commit.read_text(encoding="utf-8").splitlines():
            for kind, action in json.loads(line).items():
                if kind in named:
                    named[kind].add(unquote(action["path"]))
    return named["add"], named["remove"]
