"""Files that a run which died, or found no room, left in a table's folder: no version holds them.

They are what fills a disk tonight, and nobody can roll back to them; so they need not grow old
first, as files of old versions do.
"""

import time
from pathlib import Path

from deltalake import DeltaTable

_STILL_WRITTEN_SECONDS = 300.0
"""Younger files may be those of an append that has not been committed yet; it takes moments."""
_KNOWN_SECONDS = 6 * 24 * 3600.0
"""For so long at least a log tells which files old versions held; Delta forgets after a week."""


def remove_leftovers(delta: DeltaTable, folder: Path) -> list[str]:
    """Remove files of the last days that no version ever held; their paths in the folder.

    Args:
        delta: the newest version of the table.
        folder: where the table lies, on this machine.
    """
    now = time.time()
    everything, of_versions = (
        delta.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False, full=full)
        for full in (True, False)
    )
    removed = []
    for name in sorted(set(everything) - set(of_versions)):
        path = folder / name
        if path.is_file() and _STILL_WRITTEN_SECONDS < now - path.stat().st_mtime < _KNOWN_SECONDS:
            path.unlink()
            removed.append(name)
    return removed
