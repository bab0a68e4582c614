"""Blocks of landed files: cut at line ends, validated in Spark's workers, written as Parquet.

    landed file -> chunks of bytes -> blocks of lines -> accepted rows + rejected lines

A worker writes files that belong to no table version yet and returns one line about each block;
the driver decides which of them a commit takes in.
"""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect, ShapeFault, decode_text, recognize_dialect
from recsys_assets.kernels.lines import find_lines
from recsys_assets.kernels.validation import REJECTED_SCHEMA, Rules, validate_block
from recsys_assets.lake.landed_bytes import BROKEN_GZIP, is_gzip, read_blocks, read_head
from recsys_assets.lake.landing import text_name


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
    """Where the rejected lines go until the driver knows their line numbers."""
    block_bytes: int

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, without the header of the file."""
        header = bool(self.dialect.header)
        span = None if self.zipped else (self.start, self.end)
        return read_blocks(Path(self.path), span, self.block_bytes, header)


@dataclass(frozen=True)
class BlockOutcome:
    """What became of one block."""

    lines: int = 0
    accepted: int = 0
    rejected: int = 0
    accepted_path: str | None = None
    rejected_path: str | None = None
    """Lines of ``REJECTED_SCHEMA``, numbered within the block."""
    fault_rule: str | None = None
    """Why the whole file has to be rejected; the block has no lines then."""
    fault_message: str | None = None
    fault_line: int | None = None
    """1-based within the block."""


OUTCOME_SCHEMA = pa.schema(
    [(f.name, pa.int64() if "int" in str(f.type) else pa.string()) for f in fields(BlockOutcome)]
)


@dataclass(frozen=True)
class Doubles:
    """Rows of one chunk that share their key with a later row."""

    chunk: Chunk
    blocks: tuple[BlockOutcome, ...]
    rows: tuple[tuple[int, ...], ...]
    """For each block, its accepted rows (0-based) to give up."""


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


def validate_chunk(chunk: Chunk) -> Iterator[dict[str, Any]]:
    """Validate the lines of a chunk and write them; the outcome of each block."""
    rules = Rules(chunk.dataset.model)
    try:
        for data in chunk.blocks():
            block = validate_block(data, chunk.dialect, rules)
            yield asdict(_write(block.lines, block.accepted, block.rejected, chunk))
    except ShapeFault as fault:
        yield asdict(
            BlockOutcome(fault_rule=fault.rule, fault_message=fault.message, fault_line=fault.line)
        )
    except BROKEN_GZIP as error:
        message = f"the file breaks off while unpacking: {error}; transfer it again"
        yield asdict(BlockOutcome(fault_rule="file.gzip", fault_message=message))


def reject_doubles(doubles: Doubles) -> Iterator[dict[str, Any]]:
    """Move doubles from the accepted rows of a chunk to its rejected lines; new outcomes."""
    chunk = doubles.chunk
    for data, block, rows in zip(chunk.blocks(), doubles.blocks, doubles.rows, strict=True):
        yield asdict(_reject_rows(data, block, list(rows), chunk) if rows else block)


def _reject_rows(data: bytes, block: BlockOutcome, rows: list[int], chunk: Chunk) -> BlockOutcome:
    assert block.accepted_path is not None
    rejected = pl.DataFrame(schema=REJECTED_SCHEMA)
    if block.rejected_path is not None:
        rejected = pl.read_parquet(block.rejected_path)
    accepted_lines = np.delete(np.arange(block.lines), rejected["line"].to_numpy())
    numbers = accepted_lines[rows]
    raw = find_lines(decode_text(data, chunk.dialect)).take(numbers)
    lost = pl.DataFrame(
        {
            "line": numbers,
            "raw": [line.decode() for line in raw],
            "rules": [[duplicate_rule(chunk.dataset)]] * len(rows),
        },
        REJECTED_SCHEMA,
    )
    stays = np.ones(block.accepted, bool)
    stays[rows] = False
    accepted = pl.read_parquet(block.accepted_path).filter(pl.Series(stays))
    return _write(block.lines, accepted, pl.concat([rejected, lost]).sort("line"), chunk)


def duplicate_rule(dataset: Dataset) -> str:
    """Name of the rule that one key stands once in a drop."""
    return f"{'_'.join(dataset.key)}.duplicate"


def _write(
    lines: int, accepted: pl.DataFrame, rejected: pl.DataFrame, chunk: Chunk
) -> BlockOutcome:
    accepted = accepted.with_columns(file=pl.lit(text_name(Path(chunk.path))))
    return BlockOutcome(
        lines=lines,
        accepted=accepted.height,
        rejected=rejected.height,
        accepted_path=_write_parquet(accepted, chunk.folder),
        rejected_path=_write_parquet(rejected, chunk.staging),
    )


def _write_parquet(frame: pl.DataFrame, folder: str) -> str | None:
    if frame.is_empty():
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = f"{folder}/part-{uuid.uuid4()}.parquet"
    frame.write_parquet(path, compression="zstd", compression_level=1, statistics=False)
    return path
