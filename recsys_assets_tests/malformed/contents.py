"""Files that are odd in what they hold: other formats, odd numbers, archives."""

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Iterator

from recsys_assets_tests.malformed.case import GOOD, Case, among, text_of


def binary() -> Iterator[Case]:
    """NUL bytes and huge fields."""
    yield Case("a NUL byte in a field", among("9,9,4\0.0,978300000"), "file.binary")
    yield Case("a NUL byte at the end", text_of(GOOD).encode() + b"\0", "file.binary")
    yield Case("NUL bytes at the start", b"\0\0\0" + text_of(GOOD).encode(), "file.binary")
    yield Case("NUL bytes only", b"\0" * 1000, "file.binary")
    yield Case(
        "a hole of NUL bytes, as after a crash",
        text_of(GOOD).encode() + b"\0" * 4096,
        "file.binary",
    )
    yield Case("random bytes", random.Random(7).randbytes(5000), "file.binary|file.encoding")
    yield Case("a field of 900 kB", among("9,9,4.0," + "9" * 900_000))
    yield Case("a field of 2 MB", among("9,9,4.0," + "9" * 2_000_000), "file.line_length")
    yield Case("a first line of 2 MB", b"u" * 2_000_000, "file.line_length")
    yield Case("a line of a million separators", among("," * 1_000_000))
    yield Case("a line of half a million quotes", among('"' * 500_000))


def numbers() -> Iterator[Case]:
    """Values that are no number, too large, or numbers in other clothes."""
    stars = [
        "0",
        "0.5",
        "5",
        "5.0",
        "5.00",
        ".5",
        "5.",
        "0.49",
        "5.01",
        "4.25",
        "4.9999999999",
        "-1",
        "-0.5",
        "+4",
        "4e0",
        "40e-1",
        "1e400",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "null",
        "None",
        "",
        "4,5",
        "four",
        "4.0.0",
        "0x4",
        "4_0",
        "４",
        "٤",
        "4 ",
        " 4",
        "1/2",
        "4%",
        "$4",
        "TRUE",
        "4f",
        "4d",
    ]
    for text in stars:
        quoted = f'"{text}"' if "," in text else text
        yield Case(f"stars {text!r}", among(f"9,9,{quoted},978300000"))
    users = [
        "0",
        "-1",
        "007",
        "+7",
        "7.0",
        "7e0",
        "2147483647",
        "2147483648",
        "4294967297",
        "9223372036854775808",
        "1" * 400,
        "",
        " 7",
        "7 ",
        "0x7",
        "1_000",
        "1 000",
        "７",
        "NaN",
        "7;8",
    ]
    for text in users:
        yield Case(f"user {text[:25]!r}", among(f"{text},9,4.0,978300000"))
    times = [
        "0",
        "-1",
        "978300000000",
        "978300000.5",
        "2001-01-01",
        "2001-01-01T00:00:00Z",
        "4102444801",
        "631151999",
        "631152000",
        "now",
        "9.783e8",
        "",
    ]
    for text in times:
        yield Case(f"time {text!r}", among(f"9,9,4.0,{text}"))


def archives() -> Iterator[Case]:
    """Files that are something else: archives, pages, documents; and broken gzip."""
    plain = text_of(GOOD).encode()
    packed = gzip.compress(plain, mtime=0)
    yield Case("gzip", packed)
    yield Case(
        "two gzip members",
        gzip.compress(plain[:100], mtime=0) + gzip.compress(plain[100:], mtime=0),
    )
    yield Case("gzip cut off", packed[: len(packed) // 2], "file.gzip")
    yield Case("gzip without its end", packed[:-8], "file.gzip")
    yield Case("gzip with a wrong checksum", packed[:-8] + b"\1\2\3\4" + packed[-4:], "file.gzip")
    yield Case("gzip with rubbish behind it", packed + b"rubbish", "file.gzip|lines")
    yield Case(
        "gzip in gzip", gzip.compress(packed, mtime=0), "file.binary|file.encoding|file.columns"
    )
    yield Case("the first bytes of gzip only", b"\x1f\x8b", "file.gzip")
    yield Case("an empty gzip", gzip.compress(b"", mtime=0), "file.empty")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../escape.csv", plain)
    yield Case("zip with a name that climbs", buffer.getvalue(), "file.binary|file.encoding")
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as tar:
        member = tarfile.TarInfo("/etc/escape.csv")
        member.size = len(plain)
        tar.addfile(member, io.BytesIO(plain))
    yield Case("tar", tape.getvalue(), "file.binary|file.encoding")
    rules = "file.binary|file.encoding|file.columns"
    yield Case("bzip2", bz2.compress(plain), rules)
    yield Case("xz", lzma.compress(plain), rules)
    yield Case("parquet", b"PAR1" + bytes(range(256)) * 4 + b"PAR1", rules)
    yield Case("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", rules)
    yield Case("png", b"\x89PNG\r\n\x1a\n" + bytes(100), rules)
    yield Case("a web page", b"<!DOCTYPE html><html><body>Sign in</body></html>\n", "file.html")
    yield Case("a web page after blanks", b"\n  <html></html>\n", "file.html|file.columns")
    yield Case("xml", b'<?xml version="1.0"?><ratings/>\n', "file.html")
    yield Case("json", json.dumps([{"userId": 1}]).encode(), "file.columns")
    yield Case("json lines", b'{"userId": 1, "movieId": 2}\n' * 20, "file.columns")
    yield Case("yaml", b"---\nratings:\n  - user: 1\n", "file.columns")
    yield Case("an error of a server", b"503 Service Unavailable\n", "file.columns")
    yield Case(
        "a pointer of git-lfs",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "file.columns",
    )
    yield Case("a script", b"#!/bin/sh\nrm -rf /\n", "file.columns")
