"""One malformed file, and the good lines among which its odd part stands."""

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
