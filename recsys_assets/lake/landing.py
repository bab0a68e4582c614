"""The landing zone: files as they came, by data set and drop date, never changed.

landing/<dataset>/<YYYY-MM-DD>/<file>      what people land
rejected/<dataset>/<YYYY-MM-DD>/<file>     copies of files rejected as a whole, each with
                                           <file>.report.json beside it
withdrawn/<dataset>/<YYYY-MM-DD>/<file>    files of drops that were taken back
"""

import datetime
import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys_assets.contracts import DATASETS
from recsys_assets.lake.landed import LandedFile, date_of, files_among
from recsys_assets.lake.listing import Entry, entries, entries_below
from recsys_assets.lake.names import (
    names_given,
    names_in,
    safe_name,
    write_down_name,
)
from recsys_assets.lake.newcomer import Newcomer
from recsys_assets.lake.store import copy, is_remote, remove
from recsys_assets.lake.uploads import Progress

FIRST_DROP = datetime.date(2020, 1, 1)
"""Drop dates run from here to today (UTC)."""

_LONGEST_COPY = 240
"""Bytes of a name; most file systems allow 255."""


class LandingError(Exception):
    """A file that cannot be landed; the message says why and what to do."""


@dataclass(frozen=True)
class LandingZone:
    """Folders of landed and of rejected files."""

    landing: Path
    rejected: Path

    def land(
        self,
        source: Path,
        dataset: str,
        date: datetime.date,
        on_progress: Progress | None = None,
    ) -> LandedFile:
        """Copy a file into its drop; the same content is never landed twice.

        Of a catalogue it is where a later drop has replaced it: who lands it for that day or one
        after it goes back to it. So is a file that was rejected: each day on which an export sends
        the same sign-in page has to be told of.

        Args:
            source: the file.
            dataset: which it belongs to.
            date: of the drop.
            on_progress: told bytes done and bytes in all, where it takes a while: in Azure, where
                an upload that broke off goes on when the file is landed again.

        Raises:
            LandingError: the source is no regular file, or the drop lies behind a link.
        """
        if source.is_symlink() or not source.is_file():
            raise LandingError(f"{source}: not a regular file; give the path of the file itself")
        with self.locked():
            new = Newcomer(source, is_remote(self.landing), on_progress)
            there = self.files(dataset)
            last = max((file.date for file in there if file.date <= date), default=date)
            for landed in reversed(there):
                if landed.size == new.size and new.is_same(landed.path):
                    if DATASETS[dataset].is_catalogue and landed.date < last:
                        break
                    if landed.date != date and self.rejected_copy(landed).is_file():
                        continue
                    return LandedFile(dataset, landed.date, landed.path, known=True)
            folder = self.landing / dataset / date.isoformat()
            if not is_remote(folder) and folder.is_symlink():
                raise LandingError(f"{folder} is a link, behind which nothing is read: move it")
            # The account tells files by name and size: one that was withdrawn keeps its name, and
            # so does one that somebody removed.
            taken = names_given(folder)
            taken |= names_in(self.withdrawn / dataset / date.isoformat())
            target, known = _create(new, folder, safe_name(source), taken)
            write_down_name(folder, target.name)
        return LandedFile(dataset, date, target, known)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Two that land at once might choose the same free name; one waits for the other.

        Azure refuses the second of two that make the same blob, so nobody waits there.
        """
        if is_remote(self.landing):
            yield
            return
        self.landing.mkdir(parents=True, exist_ok=True)
        with (self.landing / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def files(self, dataset: str) -> list[LandedFile]:
        """All landed files of a data set, by date, and within a drop as `drop` has them."""
        by_date: dict[datetime.date, list[Entry]] = {}
        for entry in entries_below(self.landing / dataset):
            if (date := date_of(entry.path.parent.name)) is not None:
                by_date.setdefault(date, []).append(entry)
        return [
            file for date in sorted(by_date) for file in files_among(by_date[date], dataset, date)
        ]

    def drop(self, dataset: str, date: datetime.date) -> list[LandedFile]:
        """Files of one drop, by name; folders, links and hidden files are none of ours.

        Of a name that landed several times the later ones come later, as their numbers say: of two
        rows with one key that are equally old the one that comes last is kept.
        """
        folder = self.landing / dataset / date.isoformat()
        if not is_remote(folder) and folder.is_symlink():
            return []
        return files_among(entries(folder), dataset, date)

    def dates(self, dataset: str) -> list[datetime.date]:
        """Drop dates of a data set, ascending; folders that are no date are none of ours."""
        folders = [entry for entry in entries(self.landing / dataset) if entry.is_folder]
        dates = [date_of(folder.path.name) for folder in folders]
        return sorted(date for date in dates if date is not None)

    def reject(self, file: LandedFile, report: dict[str, object]) -> Path:
        """Copy a file to the rejected folder with a report of why; repeating it changes nothing."""
        target = self.rejected_copy(file)
        copy(file.path, target)
        text = json.dumps(report, indent=2, ensure_ascii=False, sort_keys=True)
        _report_beside(target).write_text(text + "\n", encoding="utf-8")
        return target

    def pardon(self, file: LandedFile) -> None:
        """Take back an earlier rejection of a file that now passes."""
        target = self.rejected_copy(file)
        remove(target, missing_ok=True)
        remove(_report_beside(target), missing_ok=True)

    @property
    def withdrawn(self) -> Path:
        """Files of drops that were taken back."""
        if is_remote(self.landing):  # a container has no neighbours; no data set is named so
            return self.landing / ".withdrawn"
        return self.landing.with_name("withdrawn")

    def withdrawn_files(self, dataset: str, date: datetime.date) -> list[LandedFile]:
        """Files that were taken back of a drop, as `drop` has those that are there."""
        return LandingZone(self.withdrawn, self.rejected).drop(dataset, date)

    def rejected_copy(self, file: LandedFile) -> Path:
        """Where the copy of a file lies, if it was rejected as a whole.

        Its name is cut where no file system would take it with what is added for the report.
        """
        name = file.path.name
        if len(whole := name.encode("utf-8", "surrogateescape")) > _LONGEST_COPY:
            name = whole[-_LONGEST_COPY:].decode("utf-8", "ignore")
        return self.rejected / file.dataset / file.date.isoformat() / name


def _report_beside(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.report.json")


def _create(new: Newcomer, folder: Path, name: str, taken: set[str]) -> tuple[Path, bool]:
    """Copy a file under the first of name, name-2, name-3 … that is free and not taken.

    Returns where it lies, and whether it turned out to lie there already.
    """
    stem, dot, suffix = name.partition(".")
    for candidate in (name, *(f"{stem}-{n}{dot}{suffix}" for n in range(2, 10_000))):
        if candidate in taken:
            continue
        try:
            new.create(folder / candidate)
        except FileExistsError:
            # In Azure nobody waits for the other: it may be this very content, committed meanwhile
            # by somebody else, or by ourselves where the answer to the commit got lost.
            if new.remote and new.is_same(folder / candidate):
                return folder / candidate, True
            continue
        return folder / candidate, False
    raise LandingError(f"{folder} holds 10,000 files named like {name}: give it another name")
