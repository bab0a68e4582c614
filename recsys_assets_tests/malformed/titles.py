"""Titles of movies that break what reads them carelessly."""

from collections.abc import Iterator

from recsys_assets_tests.malformed.case import LINES, Case

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
