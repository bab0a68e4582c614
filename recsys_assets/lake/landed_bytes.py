"""Bytes of landed files, plain or gzip: their head, their whole lines, how many lines there are."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from recsys_assets.kernels.delimited import MAX_LINE_BYTES, UTF_8_MARK, ShapeFault
from recsys_assets.kernels.lines import count_lines
from recsys_assets.lake.store import is_remote, open_bytes

BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
"""What unpacking raises where a gzip file is cut off or damaged."""

HEAD_BYTES = MAX_LINE_BYTES + 2
"""Enough of a file to see that its first line is too long."""

GREATEST_RATIO = 200
"""Text packs to a twentieth; what unpacks to so many times its size is a bomb."""
HARMLESS_BYTES = 8 << 20
"""Unpacked bytes that are read whatever the ratio."""

_Stream = gzip.GzipFile | io.BufferedReader
_GZIP_MAGIC = b"\x1f\x8b"
_COUNT_BYTES = 1 << 20


def is_gzip(path: Path) -> bool:
    """Whether a file begins like gzip; its name may say anything."""
    with open_bytes(path) as raw:
        return raw.read(2) == _GZIP_MAGIC


def open_unpacked(path: Path) -> _Stream:
    """A file for reading, unpacked where it is gzip."""
    if not is_gzip(path):
        return open_bytes(path)
    # Given a name, gzip closes the file with itself.
    return gzip.GzipFile(fileobj=open_bytes(path)) if is_remote(path) else gzip.open(path)


def read_head(path: Path) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        ShapeFault: a gzip file that does not unpack.
    """
    try:
        with open_unpacked(path) as unpacked:
            return unpacked.read(HEAD_BYTES)
    except BROKEN_GZIP as error:
        raise ShapeFault(
            "file.gzip", f"the file does not unpack: {error}; transfer it again"
        ) from error


def read_blocks(
    path: Path, span: tuple[int, int] | None, block_bytes: int, header: bool
) -> Iterator[bytes]:
    """Whole lines of a file, without its header line.

    Args:
        path: the file.
        span: first byte and end (exclusive) of the range in which the lines begin, as one block;
            None for the whole file, unpacked, in blocks.
        block_bytes: unpacked bytes of a block, where the whole file is read.
        header: whether the first line of the file is a header.
    """
    if span is None:
        total = 0
        with open_unpacked(path) as unpacked:
            blocks = iter(lambda: unpacked.read(block_bytes), b"")
            for number, data in enumerate(blocks):
                whole = data + _rest_of_line(unpacked)
                total += len(whole)
                if _is_bomb(unpacked, total):
                    raise ShapeFault(
                        "file.bomb",
                        f"the file unpacks to more than {GREATEST_RATIO} times what is read of it; "
                        "nothing of it is read: pack real data, or land it unpacked",
                    )
                yield from _nonempty(whole, header, at_start=number == 0)
        return
    with open_bytes(path) as raw:
        start, end = _next_line(raw, span[0]), _next_line(raw, span[1])
        raw.seek(start)
        yield from _nonempty(raw.read(end - start), header, at_start=start == 0)


def _nonempty(data: bytes, header: bool, at_start: bool) -> Iterator[bytes]:
    if at_start:
        data = data.removeprefix(UTF_8_MARK)
        data = data.partition(b"\n")[2] if header else data
    if data:
        yield data


def _next_line(raw: _Stream, position: int) -> int:
    """Start of the first line that begins at or after a position."""
    if position == 0:
        return 0
    raw.seek(position - 1)
    _rest_of_line(raw)
    return raw.tell()


def _rest_of_line(stream: _Stream) -> bytes:
    """Bytes up to the next line; of an overlong line enough to see that it is one."""
    return stream.readline(MAX_LINE_BYTES + 2)


def _is_bomb(stream: _Stream, unpacked: int) -> bool:
    """Whether so many bytes are more than the packed ones read so far can honestly hold.

    Asked on the way, so that a bomb is known before its lines are worked on.
    """
    if not isinstance(stream, gzip.GzipFile) or unpacked <= HARMLESS_BYTES:
        return False
    packed: Any = stream.fileobj
    return unpacked > GREATEST_RATIO * int(packed.tell())


def count_file_lines(path: Path) -> int:
    """Lines of a file, unpacked, its header included.

    Of a broken gzip file those that unpack; of a bomb those up to where it is known as one.
    """
    total, unpacked, ends_open = 0, 0, False
    with open_unpacked(path) as stream, suppress(*BROKEN_GZIP):
        while block := stream.read1(_COUNT_BYTES):
            unpacked += len(block)
            if _is_bomb(stream, unpacked):
                break
            total += count_lines(block) - int(ends_open)
            ends_open = not block.endswith(b"\n")
    return total
