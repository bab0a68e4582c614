"""Titles of movies: as catalogues sort them -> as people say them."""

import re

YEAR = r"\((\d{4})(?:\s*[-–]\s*\d{0,4})?\)\s*$"
"""A year in parentheses at the end of a title; of a range, as series have, the first."""
_ARTICLE_LAST = re.compile(
    r"^(?P<title>.+), (?:(?P<elided>L')|(?P<article>The|An?|Les?|La|El|Il|Das|Der|Die))"
    r"(?P<rest> \(.+\))?$"
)


def spoken(title: str) -> str:
    """A title as people say it: catalogues sort by it, so they put its article last."""
    found = _ARTICLE_LAST.match(title)
    if not found:
        return title
    article = found["elided"] or f"{found['article']} "
    return f"{article}{found['title']}{found['rest'] or ''}"


def without_year(title: str) -> str:
    """A title without the year at its end."""
    return re.sub(rf"\s*{YEAR}", "", title)
