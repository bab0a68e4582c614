"""Which journal a SQLite file may keep, by the kind of disk it lies on."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux tells which file system lies where."""

_SHARES = ("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse")
"""Types of file systems that several machines may see at once."""


def journal_of(path: Path) -> str:
    """The journal that suits where a file lies: WAL, with which readers never wait, or DELETE.

    All who use a write-ahead log share memory, which those on other machines cannot: on a share
    they would overwrite each other's rows, or damage the file.
    """
    return "DELETE" if _is_share(path) else "WAL"


def _is_share(path: Path) -> bool:
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # no Linux
        return False
    found = [(Path(_unescaped(line.split()[4])), line) for line in lines]
    place = path.resolve()
    # The deepest folder counts, and of several in one place the last.
    here = [line for folder, line in sorted(found, key=_depth) if place.is_relative_to(folder)]
    return bool(here) and here[-1].partition(" - ")[2].split(".")[0].split()[0] in _SHARES


def _depth(mount: tuple[Path, str]) -> int:
    return len(mount[0].parts)


def _unescaped(folder: str) -> str:
    """A folder as it is called; the kernel writes blanks and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), folder)
