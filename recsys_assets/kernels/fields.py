"""Lines of a block become typed columns, and a list of the lines that could not.

Plain lines are parsed all at once. Of the others, those whose quotes make sense are written
plainly first and then go through the same parser, so that a value means the same in both.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from polars import selectors

from recsys_assets.kernels.delimited import Dialect, ShapeFault, split_line
from recsys_assets.kernels.lines import Lines, Positions, find_lines, free_byte, plain_lines

LINE = "__line"
FAULT_SCHEMA = {LINE: pl.Int64(), "rule": pl.String()}
"""A broken rule of a line: 0-based number of the line in its block, name of the rule."""

_TYPE_RULES = {"Int": "integer", "UInt": "integer", "Float": "number"}


@dataclass(frozen=True)
class Fields:
    """What the lines of a block say."""

    frame: pl.DataFrame
    """The dialect's fields of every line that has them, in order, with its number as ``LINE``;
    null where a field is empty or does not parse."""
    faults: pl.DataFrame
    """Rows of ``FAULT_SCHEMA``: lines without fields, and fields that do not parse."""


def read_fields(lines: Lines, dialect: Dialect, dtypes: Mapping[str, pl.DataType]) -> Fields:
    """Read every line.

    Args:
        lines: lines of a block, in UTF-8.
        dialect: how they are written.
        dtypes: polars type to parse a field as; text where it is not named.

    Raises:
        ShapeFault: the block holds every control character, so it is not text.
    """
    control = free_byte(lines.data)
    if control is None:
        raise ShapeFault("file.binary", "all control characters: this is not a text file")
    schema = {name: dtypes.get(name, pl.String()) for name in dialect.fields}
    separator = dialect.separator.encode()
    if len(separator) > 1:
        lines = Lines(lines.data.replace(separator, control))
        separator = control
    plain = plain_lines(lines, separator, len(schema), dialect.quoted)
    numbers = np.flatnonzero(plain)
    data = lines.join(numbers)
    if dialect.quoted:
        data = data.replace(b'"', b"")
    first = _parse(data, numbers, separator, schema)
    if len(numbers) == len(lines):
        return first
    mended, odd, faults = _mend(lines, np.flatnonzero(~plain), dialect, control)
    second = _parse(mended, odd, control, schema)
    return Fields(
        pl.concat([first.frame, second.frame]).sort(LINE) if len(odd) else first.frame,
        pl.concat([faults, first.faults, second.faults]),
    )


def _mend(
    lines: Lines, numbers: Positions, dialect: Dialect, control: bytes
) -> tuple[bytes, Positions, pl.DataFrame]:
    """Lines whose quotes make sense, written plainly; their numbers; what is wrong with others."""
    mended: list[str] = []
    kept: list[int] = []
    faults: list[tuple[int, str]] = []
    for number, line in zip(numbers.tolist(), lines.take(numbers), strict=True):
        # Without quotes a line that is not plain has too many separators or too few.
        fields = split_line(line.decode(), dialect) if dialect.quoted else []
        if not line.strip():
            faults.append((number, "row.blank"))
        elif b"\r" in line:
            faults.append((number, "row.carriage_return"))
        elif fields is None:
            faults.append((number, "row.open_quote"))
        elif len(fields) != len(dialect.fields):
            faults.append((number, "row.field_count"))
        else:
            mended.append(control.decode().join(fields) + "\n")
            kept.append(number)
    return (
        "".join(mended).encode(),
        np.array(kept, np.int64),
        pl.DataFrame(faults, FAULT_SCHEMA, orient="row"),
    )


def _parse(
    data: bytes, numbers: Positions, separator: bytes, schema: Mapping[str, pl.DataType]
) -> Fields:
    """Parse plain lines; a cell that is null though its field is not empty is a fault."""
    frame = _read_csv(data, len(numbers), separator, schema)
    frame = frame.with_columns(pl.Series(LINE, numbers, pl.Int64))
    faults = pl.DataFrame(schema=FAULT_SCHEMA)
    typed = [name for name, dtype in schema.items() if dtype != pl.String]
    if any(frame[name].null_count() for name in typed):
        holes = frame.select(pl.any_horizontal(pl.col(typed).is_null()).arg_true()).to_series()
        rows = holes.cast(pl.Int64).to_numpy()
        text = _read_csv(
            find_lines(data).join(rows), len(rows), separator, dict.fromkeys(schema, pl.String())
        )
        faults = pl.concat([_unparsed(frame[holes], text, name, schema[name]) for name in typed])
    return Fields(frame, faults)


def _unparsed(
    frame: pl.DataFrame, text: pl.DataFrame, name: str, dtype: pl.DataType
) -> pl.DataFrame:
    rule = next(rule for prefix, rule in _TYPE_RULES.items() if str(dtype).startswith(prefix))
    wrong = frame.filter(frame[name].is_null() & text[name].is_not_null())
    return wrong.select(LINE, rule=pl.lit(f"{name}.{rule}"))


def _read_csv(
    data: bytes, rows: int, separator: bytes, schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=schema)
    frame = pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        separator=separator.decode(),
        quote_char=None,
        schema=schema,
        ignore_errors=True,
    )
    if frame.height != rows:
        raise RuntimeError(f"the parser made {frame.height} rows of {rows} lines")
    # NaN says of itself that it is not a number: the field does not parse.
    return frame.with_columns(selectors.float().fill_nan(None))
