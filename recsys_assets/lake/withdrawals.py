"""Which files of a drop were withdrawn together, so that the last withdrawal alone is undone.

A drop may be withdrawn, land corrected and be withdrawn again: then the files of both lie in one
folder, and those that were taken back first must not come back with the others.

    withdrawn/<dataset>/<YYYY-MM-DD>/.withdrawals.json  names of each withdrawal, the last one last
"""

import json
from collections.abc import Collection
from pathlib import Path

from recsys_assets.lake.store import is_remote, make_folder

_RECORD = ".withdrawals.json"


def record_withdrawal(folder: Path, names: Collection[str]) -> None:
    """Note that files are about to be moved into the folder of a withdrawn drop.

    One that broke off is gone on with: what it names still lies in the drop.
    """
    *earlier, last = _read(folder) or [[]]
    if set(last) & set(names):
        _write(folder, [*earlier, sorted({*last, *names})])
    else:
        _write(folder, [*earlier, *([last] if last else []), sorted(names)])


def last_withdrawn(folder: Path, names: Collection[str]) -> set[str]:
    """Those of the files in the folder of a withdrawn drop that were withdrawn last.

    Files of which nothing is noted are the oldest: whoever put them there did so without us.
    """
    withdrawals = _read(folder)
    for noted in reversed(withdrawals):
        if found := set(noted) & set(names):
            return found
    return set(names)


def forget_withdrawal(folder: Path, names: Collection[str]) -> None:
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
