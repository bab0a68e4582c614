"""Drops taken back and put back: their files move out of the landing zone, and in again.

A drop may be withdrawn, land corrected and be withdrawn again: then the files of both lie in one
folder, and those that were taken back first must not come back with the others. So it is noted
which files were withdrawn together, and the last withdrawal alone is undone.

    withdrawn/<dataset>/<YYYY-MM-DD>/.withdrawals.json  names of each withdrawal, the last one last
"""

import datetime
import itertools
import json
from collections.abc import Collection
from pathlib import Path

from recsys_assets.contracts import DATASETS
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landing import LandingError, LandingZone
from recsys_assets.lake.store import is_remote, make_folder, move, same_content

_RECORD = ".withdrawals.json"


def withdraw(
    zone: LandingZone, dataset: str, date: datetime.date, name: str | None = None
) -> list[str]:
    """Move the files of a drop out of the landing zone; their names.

    The folder of the drop stays, empty: that is how the drop counts as withdrawn.

    Args:
        zone: where the files lie.
        dataset: which they belong to.
        date: of the drop.
        name: of the one file to move; all of the drop where it is None.

    Raises:
        LandingError: there is no such drop, or no such file in it.
    """
    with zone.locked():
        files = [file for file in zone.drop(dataset, date) if name in (None, file.name)]
        if not files:
            called = f" called {name}" if name else ""
            raise LandingError(f"no {dataset} file{called} landed for {date}: see `recsys status`")
        folder = zone.withdrawn / dataset / date.isoformat()
        _check_way(files, folder)
        _note(folder, [file.path.name for file in files])
        return _move(files, folder)


def reinstate(zone: LandingZone, dataset: str, date: datetime.date) -> list[str]:
    """Move the files of a drop back that were withdrawn last; their names.

    Raises:
        LandingError: no such drop was withdrawn.
    """
    with zone.locked():
        folder = zone.withdrawn / dataset / date.isoformat()
        found = {file.path.name: file for file in zone.withdrawn_files(dataset, date)}
        if not found:
            raise LandingError(f"no {dataset} file was withdrawn for {date}")
        last = _last_withdrawn(folder, found.keys())
        files = [file for name, file in found.items() if name in last]
        # Under another date too: a file that had landed under a wrong one is landed anew. So is a
        # catalogue that another had replaced, where both may stand.
        for old, new in itertools.product(files, zone.files(dataset)):
            if new.date == date and _is_half_moved(old.path, new.path):
                continue
            if new.date != date and DATASETS[dataset].is_catalogue:
                continue
            if old.size != new.size or new.changed < old.changed:
                continue  # it lay there before, as an empty part of another day's drop
            if same_content(old.path, new.path):
                place = f"{new.date}/{new.name}"
                raise LandingError(
                    f"{old.name} has landed again as {place}: withdraw that (--file)"
                )
        _check_way(files, zone.landing / dataset / date.isoformat())
        names = _move(files, zone.landing / dataset / date.isoformat())
        _forget(folder, last)
        return names


def _check_way(files: list[LandedFile], folder: Path) -> None:
    for file in files:
        there = folder / file.path.name
        if there.exists() and not _is_half_moved(file.path, there):
            raise LandingError(f"{there} is in the way: move it, try again")


def _move(files: list[LandedFile], folder: Path) -> list[str]:
    make_folder(folder)
    if is_remote(folder):  # where a folder is gone with its last file
        (files[0].path.parent / ".keep").write_bytes(b"")
    for file in files:
        move(file.path, folder / file.path.name)
    return [file.name for file in files]


def _is_half_moved(source: Path, target: Path) -> bool:
    """Whether an earlier move broke off between copy and removal, as it can in Azure alone."""
    named_alike = is_remote(target) and source.name == target.name
    return named_alike and same_content(source, target)


def _note(folder: Path, names: Collection[str]) -> None:
    """Note that files are about to be moved into the folder of a withdrawn drop.

    One that broke off is gone on with: what it names still lies in the drop.
    """
    *earlier, last = _read(folder) or [[]]
    if set(last) & set(names):
        _write(folder, [*earlier, sorted({*last, *names})])
    else:
        _write(folder, [*earlier, *([last] if last else []), sorted(names)])


def _last_withdrawn(folder: Path, names: Collection[str]) -> set[str]:
    """Those of the files in the folder of a withdrawn drop that were withdrawn last.

    Files of which nothing is noted are the oldest: whoever put them there did so without us.
    """
    withdrawals = _read(folder)
    for noted in reversed(withdrawals):
        if found := set(noted) & set(names):
            return found
    return set(names)


def _forget(folder: Path, names: Collection[str]) -> None:
    """Files have been put back."""
    left = [[name for name in noted if name not in names] for noted in _read(folder)]
    _write(folder, [noted for noted in left if noted])


def _read(folder: Path) -> list[list[str]]:
    # Not asked for before: of a server that fails adlfs says that there is no such file.
    try:
        found: list[list[str]] = json.loads((folder / _RECORD).read_text(encoding="ascii"))
    except FileNotFoundError:
        return []
    return found


def _write(folder: Path, withdrawals: list[list[str]]) -> None:
    make_folder(folder)
    record = folder / _RECORD
    text = json.dumps(withdrawals)  # in ASCII, so that names of any bytes can be written
    if is_remote(folder):
        record.write_text(text, encoding="ascii")
        return
    partial = record.with_name(f"{_RECORD}.part")
    partial.write_text(text, encoding="ascii")
    partial.replace(record)
