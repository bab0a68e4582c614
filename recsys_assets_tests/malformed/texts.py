"""Files that are odd as text: encodings, line ends, quotes, ragged rows."""

from collections.abc import Iterator

from recsys_assets_tests.malformed.case import GOOD, Case, among, text_of
from recsys_assets_tests.malformed.oracle import HEADER


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
