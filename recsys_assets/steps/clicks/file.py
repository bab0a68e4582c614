"""A Criteo file read and validated on its own, without a home, a lake or Spark."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recsys_assets.contracts.clicks import CLICKS
from recsys_assets.kernels.delimited import ShapeFault, recognize_dialect
from recsys_assets.kernels.validation import Rules, validate_block
from recsys_assets.lake.landed_bytes import BROKEN_GZIP, is_gzip, read_blocks, read_head

BLOCK_BYTES = 64 << 20


class ComparisonError(Exception):
    """The file cannot be compared on; the message says why and what to do."""


@dataclass(frozen=True)
class ClickFile:
    """Rows of a file that keep the contract, and what became of the others."""

    rows: pl.DataFrame
    lines: int
    reasons: dict[str, int]
    """Rule → lines that broke it."""

    @property
    def quarantined(self) -> int:
        """Lines that were set apart."""
        return self.lines - self.rows.height


def read_clicks(path: Path) -> ClickFile:
    """Validate a file, plain or gzip, block by block.

    Raises:
        ComparisonError: it does not exist, does not unpack, or is no Criteo file.
    """
    if not path.is_file():
        raise ComparisonError(f"{path} does not exist")
    rules, lines = Rules(CLICKS.model), 0
    parts: list[pl.DataFrame] = []
    reasons: Counter[str] = Counter()
    try:
        dialect = recognize_dialect(read_head(path), CLICKS.dialects)
        for data in _blocks(path):
            block = validate_block(data, dialect, rules)
            lines += block.lines
            parts.append(block.accepted)
            reasons.update(rule for broken in block.rejected["rules"] for rule in broken)
    except ShapeFault as fault:
        raise ComparisonError(f"{path}: {fault.rule}: {fault.message}") from fault
    except BROKEN_GZIP as error:
        raise ComparisonError(f"{path} breaks off while unpacking: {error}") from error
    return ClickFile(pl.concat(parts), lines, dict(reasons.most_common()))


def _blocks(path: Path) -> Iterator[bytes]:
    """Whole lines; a plain file is entered at fixed places, a packed one is read through."""
    if is_gzip(path):
        yield from read_blocks(path, None, BLOCK_BYTES, header=False)
        return
    size = path.stat().st_size
    for start in range(0, size, BLOCK_BYTES):
        end = min(start + BLOCK_BYTES, size)
        yield from read_blocks(path, (start, end), BLOCK_BYTES, header=False)
