"""Files beside and in tables that can go: those of old versions, and those that no version holds.

The latter a run left that died, or found no room. They are what fills a disk tonight, and nobody
can roll back to them; so they need not grow old first, as files of old versions do.
"""

import json
import time
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

from recsys_assets.lake.commits import KEEPS_REMOVED
from recsys_assets.lake.store import is_remote, place, remove_tree
from recsys_assets.lake.tables import STAGING, Lake

_STILL_WRITTEN_SECONDS = 300.0
"""Younger files may be those of an append that has not been committed yet; it takes moments."""


def tidy_tables(lake: Lake, days: int) -> dict[str, int]:
    """Tidy every table, and remove what runs that died had staged; place → files removed.

    Staged files of runs on clusters are left, for nobody here knows whether those have died.
    """
    removed = {name: len(tidy_table(lake, name, days)) for name in lake.names()}
    staged = place(lake.root) / STAGING
    if not is_remote(staged):
        removed[STAGING] = sum(path.is_file() for path in staged.rglob("*"))
        remove_tree(staged)
    return removed


def tidy_table(lake: Lake, table: str, days: int) -> list[str]:
    """Delete files that no version of the last days holds, those of killed runs among them.

    Versions older than that can no longer be rolled back to. No run may be at work. What a run
    that died left on this machine goes at once, in a container when it is as old.
    """
    delta, folder = lake.open(table), place(lake.uri(table))
    if not is_remote(folder):
        removed = _remove_unused(delta, folder, days)
    else:
        # An hour at least: what is being appended, as subscribers are, is in no version yet.
        removed = delta.vacuum(
            retention_hours=max(1, days * 24),
            dry_run=False,
            enforce_retention_duration=False,
            full=True,
        )
    newest = lake.open(table)
    if not KEEPS_REMOVED.keys() <= newest.metadata().configuration.keys():
        newest.alter.set_table_properties(KEEPS_REMOVED)  # a release before this one made it
    return removed


def _remove_unused(delta: DeltaTable, folder: Path, days: int) -> list[str]:
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
