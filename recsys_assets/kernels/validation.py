"""One block of lines against one contract: accepted rows on one side, rejected lines on the other.

    bytes -> lines -> fields -> (accepted typed rows, rejected raw lines with every rule they broke)

What comes in equals what goes out: every line is in exactly one of the two.
"""

from dataclasses import dataclass

import numpy as np
import pandera.polars as pa
import polars as pl

from recsys_assets.kernels.delimited import MAX_LINE_BYTES, Dialect, ShapeFault, decode_text
from recsys_assets.kernels.fields import FAULT_SCHEMA, LINE, Fields, read_fields
from recsys_assets.kernels.lines import Lines, find_lines

REJECTED_SCHEMA = {"line": pl.Int64(), "raw": pl.String(), "rules": pl.List(pl.String())}
"""Rejected lines: 0-based number within the block, the text, names of all broken rules."""


@dataclass(frozen=True)
class ValidatedBlock:
    """Outcome of one block: ``accepted.height + rejected.height == lines``."""

    lines: int
    accepted: pl.DataFrame
    """Columns and types of the contract."""
    rejected: pl.DataFrame
    """Columns of ``REJECTED_SCHEMA``, by line."""


class Rules:
    """A pandera model read once: its types and its checks."""

    def __init__(self, model: type[pa.DataFrameModel]) -> None:
        self.schema = model.to_schema()
        self.dtypes: dict[str, pl.DataType] = {
            name: column.dtype.type for name, column in self.schema.columns.items()
        }

    def broken_by(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Broken rules of the contract's columns of a frame with ``LINE``, as ``FAULT_SCHEMA``."""
        try:
            self.schema.validate(frame.select(list(self.dtypes)), lazy=True)
        except pa.errors.SchemaErrors as errors:
            cases = errors.failure_cases
            if cases["index"].null_count():
                # A fault of the frame itself (a column, a type), not of one row: our mistake.
                raise
            name = pl.col("check").str.extract(r"^(\w+)", 1).replace({"not_nullable": "missing"})
            rules = cases.select(rule=pl.format("{}.{}", "column", name))
            return rules.select(frame[LINE][cases["index"].cast(pl.Int64)], "rule").unique(
                maintain_order=True
            )
        return pl.DataFrame(schema=FAULT_SCHEMA)


def validate_block(data: bytes, dialect: Dialect, rules: Rules) -> ValidatedBlock:
    """Validate whole lines.

    Args:
        data: whole lines without the file's header.
        dialect: how the lines are written.
        rules: the contract of the table they go to.

    Raises:
        ShapeFault: the block is not text in a known encoding, or a line is longer than 1 MiB.
    """
    lines = find_lines(decode_text(data, dialect))
    _check_length(lines)
    fields = read_fields(lines, dialect, rules.dtypes)
    frame = dialect.derive(fields.frame) if dialect.derive else fields.frame
    faults = _all_faults(fields, rules.broken_by(frame))
    accepted = frame.select(list(rules.dtypes))
    if faults.is_empty():
        return ValidatedBlock(len(lines), accepted, pl.DataFrame(schema=REJECTED_SCHEMA))
    bad = np.zeros(len(lines), bool)
    bad[faults[LINE].to_numpy()] = True
    good = pl.Series(~bad[frame[LINE].to_numpy()])
    return ValidatedBlock(len(lines), accepted.filter(good), _rejected(lines, faults))


def _check_length(lines: Lines) -> None:
    long = np.flatnonzero(lines.ends - lines.starts > MAX_LINE_BYTES)
    if len(long):
        raise ShapeFault("file.line_length", "a line is longer than 1 MiB", int(long[0]) + 1)


def _all_faults(fields: Fields, broken: pl.DataFrame) -> pl.DataFrame:
    """Faults of the text, then broken rules of the contract, without blaming one field twice."""
    # A field that does not parse is null by now; "missing" would blame it for the wrong thing.
    column = pl.col("rule").str.extract(r"^(\w+)\.", 1).alias("column")
    said = fields.faults.select(LINE, column)
    broken = broken.with_columns(column).join(
        said, on=[LINE, "column"], how="anti", maintain_order="left"
    )
    return pl.concat([fields.faults, broken.select(LINE, "rule")])


def _rejected(lines: Lines, faults: pl.DataFrame) -> pl.DataFrame:
    by_line = faults.group_by(line=LINE, maintain_order=True).agg(rules="rule").sort("line")
    raw = [line.decode() for line in lines.take(by_line["line"].to_numpy())]
    return by_line.select("line", pl.Series("raw", raw, pl.String), "rules")
