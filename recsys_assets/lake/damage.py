"""Errors that say a table itself is damaged: a file of it is cut off, gone, or rubbish.

Libraries say this in many ways. Polars panics where a Parquet file is shorter than its metadata
promise, which is no `Exception` and would end a whole process without a word.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from polars.exceptions import PanicException

from recsys_assets.lake.store import is_remote, place
from recsys_assets.lake.tables import Lake

UNREADABLE = (Exception, PanicException)
"""What reading a table may raise, a damaged one included."""

_WORDS = (
    "file out of specification",
    "encoded schema stored in arrow:schema",
    "is not a parquet file",
    "could not read footer",
    "invalid json in log",
)


class DamagedTableError(Exception):
    """A table is damaged; the message says so first."""


@contextmanager
def damage_in_words() -> Iterator[None]:
    """Within it damage is an error that says so, and no panic.

    Raises:
        DamagedTableError: a table that was read is damaged.
    """
    try:
        yield
    except UNREADABLE as error:
        if damage := damage_of(error):
            raise DamagedTableError(damage) from None
        raise


def damage_of(error: BaseException) -> str | None:
    """What is damaged, in words; None where the error is about something else."""
    text = str(error)
    if isinstance(error, FileNotFoundError) and ".parquet" in text:
        return f"table damaged: a data file is gone: {text}"
    if isinstance(error, PanicException) or any(words in text.lower() for words in _WORDS):
        return f"table damaged: a file of it cannot be read: {text}"
    return None


def find_damage(lake: Lake) -> list[str]:
    """Every damaged table in words: a log that cannot be read, data files gone or of another size.

    Of tables in a container only the logs are looked at: a file there is whole or not there.
    """
    found = []
    for table in lake.names():
        try:
            actions = lake.open(table).get_add_actions(flatten=True)
        except UNREADABLE as error:
            found.append(f"{table}: its log cannot be read: {str(error).splitlines()[0]}")
            continue
        folder = place(lake.uri(table))
        if not is_remote(folder):
            paths = actions.column("path").to_pylist()
            sizes = actions.column("size_bytes").to_pylist()
            found += _wrong_files(table, folder, dict(zip(paths, sizes, strict=True)))
    return found


def _wrong_files(table: str, folder: Path, sizes: dict[str, int]) -> list[str]:
    found = []
    for name, size in sizes.items():
        path = folder / unquote(name)
        there = path.stat().st_size if path.is_file() else None
        if there is None:
            found.append(f"{table}: {path.name} is gone")
        elif there != size:
            found.append(f"{table}: {path.name} has {there:,} bytes, not {size:,}")
    return found
