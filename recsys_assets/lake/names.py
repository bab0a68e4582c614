"""Names of landed files: safe ones, in the order of their numbers, none given twice in a drop.

A name is not given again where its file is gone: the account tells files by name and size.

    landing/<dataset>/.<YYYY-MM-DD>.names    one name a line; beside the drop, which may be removed

In Azure, where nobody waits for the other, it is a folder with an empty blob of each name.
"""

import re
from pathlib import Path

from recsys_assets.lake.store import is_remote

_UNSAFE = re.compile(r"[^\w.()+-]")
_NUMBERED = re.compile(r"([^.]*?)((?:-[0-9]+)+)(\..*)?", re.DOTALL)
"""A name with numbers before its first dot, as landing gives them out."""
_LONGEST_NAME = 120
"""Bytes; file systems allow 255 with what we add."""


def safe_name(source: Path) -> str:
    """The source's own name as far as it is safe in a path, a shell and a table."""
    name = _UNSAFE.sub("_", source.name).encode()[-_LONGEST_NAME:]
    # After the cut: a file whose name begins with a dot is hidden, and never read.
    return name.decode(errors="ignore").lstrip(".") or "file"


def text_name(path: Path) -> str:
    """Name of a file as text that any table can hold, whatever bytes it is made of."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def place_in_drop(path: Path) -> tuple[str, list[int], str]:
    """By name; name-2 and name-10 stand behind name, in the order of their numbers."""
    if found := _NUMBERED.fullmatch(path.name):
        numbers = [int(number) for number in found[2].split("-")[1:]]
        return (found[1] + (found[3] or ""), numbers, path.name)
    return (path.name, [], path.name)


def names_given(drop: Path) -> set[str]:
    """Names under which files have landed in the folder of a drop."""
    record = _record_of(drop)
    if is_remote(drop):
        return names_in(record)
    return set(record.read_text(encoding="utf-8").splitlines()) if record.is_file() else set()


def names_in(folder: Path) -> set[str]:
    """Names of what lies in a folder; none where there is no folder."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def write_down_name(drop: Path, name: str) -> None:
    """Remember a name for the folder of a drop that is there."""
    record = _record_of(drop)
    if not is_remote(drop):
        with record.open("a", encoding="utf-8") as lines:
            lines.write(f"{name}\n")
    elif not (record / name).exists():
        (record / name).write_bytes(b"")


def _record_of(drop: Path) -> Path:
    return drop.with_name(f".{drop.name}.names")
