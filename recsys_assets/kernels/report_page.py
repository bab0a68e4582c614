"""One self-contained HTML page from tables and plots: readable on a phone, a desk and paper.

Nothing is loaded from elsewhere: plots lie in the page as data URIs, all text is escaped.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

Row = Mapping[str, object]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 50%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid #8886; }
.number { text-align: right; } .long { min-width: 18rem; }
img { max-width: 100%; height: auto; background: white; }
footer { margin-top: 2rem; font-size: .85rem; opacity: .75; }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; }
  .scroll { overflow: visible; } table { font-size: .65rem; } .long { min-width: 0; } }
"""


_LONG = 40
"""Letters from which on a cell is a sentence."""


@dataclass(frozen=True)
class Section:
    """One part of the page: what it says, shows in a table, and draws."""

    title: str
    text: str = ""
    """A paragraph; line ends are kept as breaks."""
    rows: Sequence[Row] = field(default_factory=list)
    """Rows of a table; the columns are those of all rows, in the order they first appear."""
    plots: Mapping[str, bytes] = field(default_factory=dict)
    """What a plot shows → PNG."""


def render_page(title: str, summary: str, sections: Sequence[Section], footer: str = "") -> str:
    """The page as HTML text.

    Args:
        title: heading and name of the page.
        summary: what the reader must know if they read nothing else.
        sections: parts of the page, the most important first.
        footer: where the figures come from: versions, run, time.
    """
    parts = "\n".join(_section(section) for section in sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{_paragraph(summary)}\n{parts}\n</main>\n"
        f"<footer>{_paragraph(footer)}</footer>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    plots = "\n".join(_picture(name, png) for name, png in section.plots.items())
    heading = f"<h2>{escape(section.title)}</h2>"
    parts = (heading, _paragraph(section.text), _table(section.title, section.rows), plots)
    return "<section>\n" + "\n".join(part for part in parts if part) + "\n</section>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>" if text else ""


def _picture(name: str, png: bytes) -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'


def _table(caption: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {n for n in names if any(isinstance(row.get(n), int | float) for row in rows)}
    # Sentences that may shrink end up with a word a line, beside figures that may not.
    long = {n for n in names if any(len(str(row.get(n, ""))) > _LONG for row in rows)}
    marks = {
        name: ' class="number"' if name in numeric else ' class="long"' if name in long else ""
        for name in names
    }
    head = "".join(f'<th scope="col"{marks[name]}>{escape(name)}</th>' for name in names)
    body = "\n".join(
        "<tr>" + "".join(f"<td{marks[n]}>{_cell(row.get(n))}</td>" for n in names) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"
    return escape(str(value))
