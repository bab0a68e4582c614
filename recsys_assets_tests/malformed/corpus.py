"""Malformed files, made here: encodings, line ends, quotes, ragged rows, odd numbers, archives.

Each family is a function that yields cases. A case is a file, what it is, and what must become of
it: `lines` — judged line by line, as the oracle does — or the rule by which the whole file is
rejected. The odd part stands among twenty good lines, so that one odd line condemns no file.
"""

from recsys_assets_tests.malformed.case import Case
from recsys_assets_tests.malformed.contents import archives, binary, numbers
from recsys_assets_tests.malformed.texts import encodings, line_ends, quotes, ragged
from recsys_assets_tests.malformed.titles import naughty_titles

FAMILIES = (encodings, line_ends, quotes, ragged, binary, numbers, archives, naughty_titles)


def corpus() -> list[Case]:
    """Every case; the same ones each time."""
    return [case for family in FAMILIES for case in family()]
