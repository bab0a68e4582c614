"""Names that landing has given to files of a drop: none is given twice, even where a file is gone.

    landing/<dataset>/.<YYYY-MM-DD>.names    one name a line; beside the drop, which may be removed

In Azure, where nobody waits for the other, it is a folder with an empty blob of each name.
"""

from pathlib import Path

from recsys_assets.lake.store import is_remote


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
