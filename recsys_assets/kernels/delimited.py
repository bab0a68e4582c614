"""Delimited text as it arrives: the first bytes of a file tell its dialect, or why it is rejected.

bytes -> text in a known encoding -> the published form whose header or fields it has
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

MAX_LINE_BYTES = 1 << 20
"""A longer line is no record of ours: the file is rejected before it can exhaust memory."""

UTF_8_MARK = b"\xef\xbb\xbf"
_FOREIGN_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE_LINES = 20
_RETURNS_ALONE = (
    "; it holds a carriage return: if lines end in one alone, save the file with newlines and land"
    " it again"
)
csv.field_size_limit(MAX_LINE_BYTES)  # one field may be as long as a line


class ShapeFault(Exception):
    """A file whose shape is wrong and which is therefore rejected as a whole.

    Args:
        rule: name of the broken rule, e.g. ``file.encoding``.
        message: what was found and what to do next, for a person.
        line: 1-based line of the finding, where one is known.
    """

    def __init__(self, rule: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"

    def __reduce__(self) -> tuple[type["ShapeFault"], tuple[str, str, int | None]]:
        return (ShapeFault, (self.rule, self.message, self.line))


@dataclass(frozen=True)
class Dialect:
    """One published form of a delimited file."""

    name: str
    """What people call it, e.g. ``MovieLens u.data``."""
    separator: str
    """Text between two fields; may be longer than one character (``::``)."""
    fields: tuple[str, ...]
    """The contract's names of the fields, in the order of the file."""
    header: tuple[str, ...] = ()
    """The file's own names of the fields in its first line; empty where there is no such line."""
    quoted: bool = False
    """Whether fields may stand in double quotes."""
    latin_1: bool = False
    """Whether the file may be in Latin-1 where it is not UTF-8."""
    derive: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """Turns the fields into the contract's columns where they differ."""


def decode_text(data: bytes, dialect: Dialect) -> bytes:
    """Whole lines as UTF-8.

    Raises:
        ShapeFault: the bytes are not in an encoding that the dialect allows, or hold a NUL byte.
    """
    if b"\0" in data:
        raise ShapeFault(
            "file.binary",
            "a NUL byte: this is not a text file; export it again as text",
            _line_at(data, data.index(b"\0")),
        )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if dialect.latin_1:
            return b"\n".join(_from_latin_1(line) for line in data.split(b"\n"))
        raise ShapeFault(
            "file.encoding",
            f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8, land it again",
            _line_at(data, error.start),
        ) from error
    return data


def _line_at(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _from_latin_1(line: bytes) -> bytes:
    """Line by line, so that it does not matter which other lines are read along with it."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()
    return line


def recognize_dialect(head: bytes, dialects: tuple[Dialect, ...]) -> Dialect:
    """The dialect of a file, from its first bytes; a header alone is enough.

    Args:
        head: the first bytes of the (decompressed) file; all of it where it is short.
        dialects: the published forms of the data set, the most specific first.

    Raises:
        ShapeFault: empty, binary, in a foreign encoding, an HTML page, or no known form.
    """
    if head.startswith(_FOREIGN_MARKS):
        raise ShapeFault(
            "file.encoding", "the file is in UTF-16; save it as UTF-8 and land it again", 1
        )
    head = head.removeprefix(UTF_8_MARK)
    if not head.strip():
        raise ShapeFault("file.empty", "the file holds no line; check the export that wrote it")
    lines = head.split(b"\n", _SAMPLE_LINES)
    if len(lines[0]) > MAX_LINE_BYTES:
        message = "the first line is longer than 1 MiB"
        advice = _RETURNS_ALONE if b"\r" in lines[0] else ""
        raise ShapeFault("file.line_length", message + advice, 1)
    if lines[0].lstrip()[:1] == b"<":
        raise ShapeFault(
            "file.html",
            "the file is a web page or XML, not data: the download probably needs a login",
            1,
        )
    return _match_lines(_sample(lines, dialects), dialects)


def _sample(lines: list[bytes], dialects: tuple[Dialect, ...]) -> list[str]:
    """The first lines as text; the last one of several may be cut off and is left out."""
    whole = lines[:-1] or lines
    any_encoding = Dialect("", "", (), latin_1=any(d.latin_1 for d in dialects))
    # Decoded together, so that a fault names its line.
    text = decode_text(b"\n".join(whole), any_encoding).decode()
    return [line.rstrip("\r") for line in text.split("\n")]


def _match_lines(lines: list[str], dialects: tuple[Dialect, ...]) -> Dialect:
    for dialect in dialects:
        if dialect.header:
            names = tuple(name.strip() for name in split_line(lines[0], dialect) or ())
            if names == dialect.header:
                return dialect
            if len(set(names)) < len(names) and set(names) <= set(dialect.header):
                raise ShapeFault(
                    "file.header", f"a column stands twice in the header: {lines[0][:200]}", 1
                )
        # One damaged line is no other form: it is set apart later, like any other line.
        elif 2 * sum(_fits(line, dialect) for line in lines) >= len(lines):
            return dialect
    known = "; ".join(
        f"{d.name} ({len(d.fields)} fields by {d.separator!r}"
        + (f", header {d.separator.join(d.header)}" if d.header else "")
        + ")"
        for d in dialects
    )
    raise ShapeFault(
        "file.columns",
        f"the first line is none of the known forms [{known}]: {lines[0][:200]!r}"
        + (_RETURNS_ALONE if "\r" in lines[0] else ""),
        1,
    )


def _fits(line: str, dialect: Dialect) -> bool:
    fields = split_line(line, dialect)
    return fields is not None and len(fields) == len(dialect.fields)


def split_line(text: str, dialect: Dialect) -> list[str] | None:
    """Fields of one line, or None where a quote is left open or stands astray."""
    if not dialect.quoted or '"' not in text:
        return text.split(dialect.separator)
    try:
        return next(csv.reader([text], delimiter=dialect.separator, strict=True))
    except csv.Error:
        return None
