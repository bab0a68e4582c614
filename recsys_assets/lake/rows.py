"""Rows of one file, whatever its published form: validated as the platform does, without tables.

file -> recognized form -> blocks of lines -> rows that keep the contract, a count of the rest
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import ShapeFault, recognize_dialect
from recsys_assets.kernels.validation import Rules, validate_block
from recsys_assets.lake.landed_bytes import BROKEN_GZIP, is_gzip, read_blocks, read_head

_BLOCK_BYTES = 16 << 20


class UnreadableFileError(ValueError):
    """A file that is not there, or that is none of the data set's forms; the message says why."""


@dataclass(frozen=True)
class FileRows:
    """What a file holds."""

    frame: pl.DataFrame
    """Rows that keep the contract, in the order of the file, one for each key."""
    form: str
    """The published form it was read as."""
    rejected: int
    """Lines that broke a rule."""
    doubled: int
    """Rows left out because a later one has the same key."""


def read_rows(path: Path, dataset: Dataset) -> FileRows:
    """Read and validate a file, plain or gzip.

    Of rows with one key the latest is kept: by the data set's column of time, then by line.

    Raises:
        UnreadableFileError: no such file, none of the known forms, or no row that keeps the rules.
    """
    try:
        dialect = recognize_dialect(read_head(path), dataset.dialects)
        span = None if is_gzip(path) else (0, path.stat().st_size)
        blocks = read_blocks(path, span, _BLOCK_BYTES, bool(dialect.header))
        rules = Rules(dataset.model)
        found = [validate_block(data, dialect, rules) for data in blocks]
    except BROKEN_GZIP as error:
        raise UnreadableFileError(f"{path} breaks off while unpacking: {error}") from error
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror}") from error
    except ShapeFault as fault:
        raise UnreadableFileError(f"{path} holds no {dataset.name}: {fault.message}") from fault
    if not found:
        raise UnreadableFileError(f"{path} holds a header and no line of {dataset.name}")
    rows = pl.concat([block.accepted for block in found])
    rejected = sum(block.rejected.height for block in found)
    if rows.is_empty():
        raise UnreadableFileError(
            f"none of the {rejected} lines of {path} keeps the rules of {dataset.name}: land the"
            " file to see which rule each one broke (`recsys land`, `recsys quarantine show`)"
        )
    kept = _without_doubles(rows, dataset)
    return FileRows(kept, dialect.name, rejected, rows.height - kept.height)


def _without_doubles(rows: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    if not dataset.key:
        return rows
    placed = rows.with_row_index("__line")
    ordered = placed.sort(dataset.latest, "__line") if dataset.latest else placed
    kept = ordered.unique(dataset.key, keep="last", maintain_order=True)
    return kept.sort("__line").drop("__line")
