"""Blocks of landed files: cut at line ends, validated in Spark's workers, written as Parquet.

    landed file -> chunks of bytes -> blocks of lines -> accepted rows + rejected lines
    accepted rows with a key -> staging folder -> those that are no doubles -> table's folder

A worker writes files that belong to no table version yet and returns one line about each block;
the driver decides which of them a commit takes in.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect, ShapeFault, decode_text, recognize_dialect
from recsys_assets.kernels.lines import find_lines
from recsys_assets.kernels.validation import REJECTED_SCHEMA, Rules, validate_block
from recsys_assets.lake.landed_bytes import BROKEN_GZIP, is_gzip, read_blocks, read_head
from recsys_assets.lake.names import text_name
from recsys_assets.lake.store import place, read_ipc, write_ipc, write_parquet


@dataclass(frozen=True)
class Chunk:
    """A range of bytes of one file: the lines that begin in it."""

    path: str
    start: int
    end: int
    """Exclusive; the last line is read to its end beyond it."""
    zipped: bool
    dialect: Dialect
    dataset: Dataset
    folder: str
    """Where the accepted rows go."""
    staging: str
    """Where lines and rows go that have to wait for the other blocks of the drop."""
    block_bytes: int

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, without the header of the file."""
        header = bool(self.dialect.header)
        span = None if self.zipped else (self.start, self.end)
        return read_blocks(place(self.path), span, self.block_bytes, header)


@dataclass(frozen=True)
class BlockOutcome:
    """What became of one block."""

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    accepted_path: str | None = None
    """Parquet file in the table's folder, or Arrow file where the rows wait."""
    rejected_path: str | None = None
    """Arrow file of ``REJECTED_SCHEMA``, lines numbered within the block."""
    fault_rule: str | None = None
    """Why the whole file has to be rejected; the block has no lines then."""
    fault_message: str | None = None
    fault_line: int | None = None
    """1-based within the block."""


@dataclass(frozen=True)
class KeyedChunk:
    """A validated chunk of a data set with a key, whose rows wait in the staging folder."""

    chunk: Chunk
    blocks: tuple[BlockOutcome, ...]
    doubles: tuple[tuple[int, ...], ...]
    """For each block, its accepted rows (0-based) that share their key with a later row."""


def cut_into_chunks(
    path: Path, dataset: Dataset, folder: Path, staging: Path, chunk_bytes: int
) -> list[Chunk]:
    """Chunks of a file; one only where it is packed, since gzip cannot be entered midway.

    Raises:
        ShapeFault: the file is none of the data set's published forms.
    """
    dialect = recognize_dialect(read_head(path), dataset.dialects)
    zipped, size = is_gzip(path), path.stat().st_size
    step = size if zipped else chunk_bytes
    return [
        Chunk(
            path=str(path),
            start=start,
            end=min(start + step, size),
            zipped=zipped,
            dialect=dialect,
            dataset=dataset,
            folder=str(folder),
            staging=str(staging),
            block_bytes=chunk_bytes,
        )
        for start in range(0, size, step)
    ]


def validate_chunk(chunk: Chunk) -> Iterator[BlockOutcome]:
    """Validate the lines of a chunk and put them by; the outcome of each block."""
    rules = Rules(chunk.dataset.model)
    try:
        for data in chunk.blocks():
            block = validate_block(data, chunk.dialect, rules)
            # Which rows of a key are kept is known only when all blocks of the drop are in.
            keep = _stage if chunk.dataset.key else _write_rows
            yield BlockOutcome(
                lines=block.lines,
                accepted=block.accepted.height,
                rejected=block.rejected.height,
                accepted_path=keep(block.accepted, chunk),
                rejected_path=_stage(block.rejected, chunk),
            )
    except ShapeFault as fault:
        yield BlockOutcome(
            fault_rule=fault.rule, fault_message=fault.message, fault_line=fault.line
        )
    except BROKEN_GZIP as error:
        message = f"the file breaks off while unpacking: {error}; transfer it again"
        yield BlockOutcome(fault_rule="file.gzip", fault_message=message)


def write_keyed_chunk(keyed: KeyedChunk) -> Iterator[BlockOutcome]:
    """Write the waiting rows of a chunk to the table's folder, and set its doubles apart."""
    chunk = keyed.chunk
    texts = chunk.blocks() if any(keyed.doubles) else iter([b""] * len(keyed.blocks))
    for data, block, rows in zip(texts, keyed.blocks, keyed.doubles, strict=True):
        accepted = _read(block.accepted_path)
        rejected = _read(block.rejected_path)
        if rows:
            lost = _lines_of_rows(data, block, rejected, list(rows), chunk)
            rejected = pl.concat([rejected, lost]).sort("line")
            stays = np.ones(block.accepted, bool)
            stays[list(rows)] = False
            accepted = accepted.filter(pl.Series(stays))
        yield BlockOutcome(
            lines=block.lines,
            accepted=accepted.height,
            rejected=rejected.height,
            accepted_path=_write_rows(accepted, chunk),
            rejected_path=_stage(rejected, chunk) if rows else block.rejected_path,
        )


def _lines_of_rows(
    data: bytes, block: BlockOutcome, rejected: pl.DataFrame, rows: list[int], chunk: Chunk
) -> pl.DataFrame:
    """The lines that accepted rows came from, as rejected ones."""
    accepted_lines = np.delete(np.arange(block.lines), rejected["line"].to_numpy())
    numbers = accepted_lines[rows]
    raw = find_lines(decode_text(data, chunk.dialect)).take(numbers)
    return pl.DataFrame(
        {
            "line": numbers,
            "raw": [line.decode() for line in raw],
            "rules": [[duplicate_rule(chunk.dataset)]] * len(rows),
        },
        REJECTED_SCHEMA,
    )


def duplicate_rule(dataset: Dataset) -> str:
    """Name of the rule that one key stands once in a drop."""
    return f"{'_'.join(dataset.key)}.duplicate"


def _read(path: str | None) -> pl.DataFrame:
    return read_ipc(path) if path else pl.DataFrame(schema=REJECTED_SCHEMA)


def _stage(frame: pl.DataFrame, chunk: Chunk) -> str | None:
    if frame.is_empty():
        return None
    path = f"{chunk.staging}/{uuid.uuid4()}.arrow"
    write_ipc(frame, path)
    return path


def _write_rows(accepted: pl.DataFrame, chunk: Chunk) -> str | None:
    if accepted.is_empty():
        return None
    path = f"{chunk.folder}/part-{uuid.uuid4()}.parquet"
    rows = accepted.with_columns(file=pl.lit(text_name(place(chunk.path))))
    write_parquet(rows, path, compression="zstd", compression_level=1, statistics=False)
    return path
