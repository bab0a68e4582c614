"""Where a search keeps its trials: a file beside the tables, on this machine or in Azure.

Optuna appends to a local file. Where the lake is elsewhere, the journal is fetched first and put
back after every trial, so that another machine goes on where this one broke off. Runs of one home
take turns, so no two searches write one journal.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys_assets.lake.store import is_remote, place

FOLDER = "_sweeps"
"""Folder of the journals, beside the tables."""


@dataclass(frozen=True)
class Journal:
    """The journal of one model's searches."""

    kept: Path
    """Where it outlives this process."""
    local: Path
    """Where Optuna reads and writes it; the same file where the lake is on this machine."""

    def keep(self) -> None:
        """Put the trials of this process where others find them."""
        if self.kept != self.local:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            self.kept.write_bytes(self.local.read_bytes())


@contextmanager
def open_journal(root: str, model: str) -> Iterator[Journal]:
    """The journal beside the tables of a lake, ready to read and write until the end.

    What was not kept by then is forgotten where the lake is elsewhere.
    """
    kept = place(root) / FOLDER / f"{model}.log"
    if not is_remote(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        _cut_unfinished_line(kept)
        yield Journal(kept, kept)
        return
    with tempfile.TemporaryDirectory(prefix="recsys-sweep-") as folder:
        local = Path(folder) / kept.name
        if kept.exists():
            local.write_bytes(kept.read_bytes())
            _cut_unfinished_line(local)
        yield Journal(kept, local)


def _cut_unfinished_line(journal: Path) -> None:
    """Let a journal end with a whole line: who wrote the rest of it died, or had no disk left."""
    if journal.is_file() and (text := journal.read_bytes()) and not text.endswith(b"\n"):
        journal.write_bytes(text[: text.rfind(b"\n") + 1])
