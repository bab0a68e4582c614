"""Lines of a block of bytes: where each begins and ends, and which are written plainly.

A plain line has as many separators as its dialect says, no carriage return, and quotes only around
whole fields, so that the simplest parser reads it. All others are looked at one by one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

NEWLINE, RETURN, QUOTE = b'\n\r"'
_CONTROL_BYTES = [bytes([n]) for n in range(31, 0, -1) if bytes([n]) not in b"\t\n\r"]

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Lines of a block; each, the last one too, ends with one newline and no carriage return."""

    data: bytes

    @cached_property
    def marks(self) -> npt.NDArray[np.uint8]:
        """The bytes as numbers."""
        return np.frombuffer(self.data, np.uint8)

    @cached_property
    def ends(self) -> Positions:
        """Position of the newline of each line."""
        return np.flatnonzero(self.marks == NEWLINE)

    @cached_property
    def starts(self) -> Positions:
        """Position of the first byte of each line."""
        return np.concatenate([[0], self.ends[:-1] + 1]) if len(self.ends) else self.ends

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, numbers: Positions) -> list[bytes]:
        """Chosen lines, without their line ends."""
        starts, ends = self.starts[numbers].tolist(), self.ends[numbers].tolist()
        return [self.data[start:end] for start, end in zip(starts, ends, strict=True)]

    def join(self, numbers: Positions) -> bytes:
        """Chosen lines, in ascending order, as one block."""
        if len(numbers) == len(self):
            return self.data
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        runs = [run for run in np.split(numbers, breaks) if len(run)]
        view = memoryview(self.data)
        return b"".join(view[self.starts[run[0]] : self.ends[run[-1]] + 1] for run in runs)


def find_lines(data: bytes) -> Lines:
    """Lines of a block, whatever ends them: a newline, carriage returns before it, or the end."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    if b"\r" in data:  # one byte is found many times faster than two
        while b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
    return Lines(data)


def count_lines(data: bytes) -> int:
    """Number of lines of a block, as ``find_lines`` finds them."""
    return data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0)


def free_byte(data: bytes) -> bytes | None:
    """A control character that the data do not hold; None where they hold all of them."""
    return next((byte for byte in _CONTROL_BYTES if byte not in data), None)


def plain_lines(lines: Lines, separator: bytes, fields: int, quoted: bool) -> Mask:
    """Which lines are written plainly.

    Args:
        lines: lines of a block.
        separator: the one byte between two fields.
        fields: number of fields that a line must have.
        quoted: whether fields may stand in double quotes.
    """
    separators = np.flatnonzero(lines.marks == separator[0])
    up_to_end = np.searchsorted(separators, lines.ends)
    plain: Mask = np.diff(up_to_end, prepend=0) == fields - 1
    if quoted and b'"' in lines.data and len(separators):
        plain[_oddly_quoted(lines, separators)] = False
    if b"\r" in lines.data:
        returns = np.flatnonzero(lines.marks == RETURN)
        plain[np.searchsorted(lines.ends, returns)] = False
    return plain


def _oddly_quoted(lines: Lines, separators: Positions) -> Positions:
    """Lines with a quote that does not open or close a whole field free of separators."""
    quotes = np.flatnonzero(lines.marks == QUOTE)
    line = np.searchsorted(lines.ends, quotes)
    field = np.searchsorted(separators, quotes)
    opens = (np.arange(len(quotes)) - np.searchsorted(line, line)) % 2 == 0
    # Before the first byte of the block stands, in effect, a line end; after the last one, too.
    beside = lines.marks[np.where(opens, quotes - 1, quotes + 1)]
    odd = (beside != NEWLINE) & (beside != lines.marks[separators[0]])
    closed = np.append((line[1:] == line[:-1]) & (field[1:] == field[:-1]), False)
    odd |= opens & ~closed
    found: Positions = line[odd]
    return found
