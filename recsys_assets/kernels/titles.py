"""Titles of movies: as catalogues sort them -> as people say them."""

import re

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
