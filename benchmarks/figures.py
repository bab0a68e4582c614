"""Lines of the table of results: medians with their spread, this side and another, and a bar."""

import statistics
from collections.abc import Sequence

COLUMNS = ("what", "this side", "the other", "ratio", "to reach")


def print_faster(
    what: str, ours: Sequence[float], other: str, theirs: Sequence[float], bar: str = ""
) -> None:
    """Print a line of seconds; the ratio, of medians, says how many times faster this side is."""
    ratio = statistics.median(theirs) / statistics.median(ours)
    print_line(what, spread(ours), f"{other} {spread(theirs)}", f"{ratio:.2f} times faster", bar)


def print_slower(
    what: str, ours: Sequence[float], other: str, theirs: Sequence[float], bar: str = ""
) -> None:
    """Print a line of seconds; the ratio, of medians, says how many times the other's they are."""
    ratio = statistics.median(ours) / statistics.median(theirs)
    print_line(what, spread(ours), f"{other} {spread(theirs)}", f"{ratio:.2f} of its time", bar)


def print_line(what: str, ours: str, theirs: str = "", ratio: str = "", bar: str = "") -> None:
    """Print a line of the table, in Markdown."""
    print(f"| {what} | {ours} | {theirs} | {ratio} | {bar} |", flush=True)


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median, and least and most where there is more than one value; small values more exactly."""
    median, least, most = (f(values) for f in (statistics.median, min, max))
    digits = 0 if median >= 1_000 else 1 if median >= 2 else 2
    shown = f"{median:,.{digits}f} {unit}"
    if len(values) == 1:
        return f"{shown} (once)"
    return f"{shown} ({least:,.{digits}f} to {most:,.{digits}f})"
