"""A second opinion on a file of ratings: slow, plain Python, written without the kernels.

It decodes strictly, reads each line with the standard library's CSV reader, and parses numbers with
regular expressions and `Decimal`. What it accepts must be accepted with these very values.
"""

import csv
import re
import struct
from decimal import Decimal

HEADER = "userId,movieId,rating,timestamp"
INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)

Row = tuple[int, int, float, int]


def judge_lines(text: str) -> tuple[list[Row], int]:
    """Rows that a file in UTF-8 with the usual header holds, and how many lines are bad."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    rows, bad = [], 0
    for line in lines[1:]:
        row = judge_line(re.sub("\r+$", "", line))
        rows += [row] if row else []
        bad += row is None
    return rows, bad


def judge_line(line: str) -> Row | None:
    """The row of a line, or None where the line is no rating."""
    if "\r" in line:
        return None
    try:
        fields = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    if len(fields) != 4:
        return None
    user, item, time = (_integer(fields[n]) for n in (0, 1, 3))
    stars = _stars(fields[2].lstrip(" "))
    if user is None or item is None or time is None or stars is None:
        return None
    good = (
        1 <= user < 2**31
        and 1 <= item < 2**31
        and 631_152_000 <= time <= 4_102_444_800
        and Decimal("0.5") <= stars <= 5
        and (stars * 2) % 1 == 0
    )
    return (user, item, float(stars), time) if good else None


def _stars(text: str) -> Decimal | None:
    """Stars to the seven digits that the table holds."""
    if not NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    return Decimal(struct.unpack("f", struct.pack("f", exact))[0]) if abs(exact) < 1e30 else exact


def _integer(text: str) -> int | None:
    # A blank before a number is no part of it; more digits than these are beyond every limit.
    number = text.lstrip(" ")
    return int(number) if INTEGER.fullmatch(number) and len(number) < 4000 else None
