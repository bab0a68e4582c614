"""What works again: successes kept by subject, and the troubles that they end.

A subject is what is broken, as text: ``step:als_model``, or ``check:ratings:no_rejected_files
@2026-01-31/2026-02-01`` where it is about some drops: only successes over all of these mend it, in
one run or in several. Drops that are not days in a row stand as several such spans, by comma.
Sensors may see a success before the failure it follows; so successes are kept with their times.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from recsys_assets.resources.alerts.message import RECOVERED, Alert, Severity

OVER = "recovered:"
"""Begins the event key of a message that says that a trouble is over."""

CLOCK_SECONDS = 300.0
"""By how much the clocks of those who report may differ."""

ENDS_IN_A_ROW, ENDS_SECONDS = 3, 6 * 3600.0
"""A trouble that ended so often within so many seconds comes and goes."""
CALM_SECONDS = 3600.0
"""How long such a trouble has to be over before its end is told."""

Told = list[tuple[Alert, Sequence[str]]]
"""Messages to tell, each with those who are owed it."""


def about_drops(subject: str, spans: Sequence[tuple[str, str]]) -> str:
    """The subject of some drops, given as spans of days; the subject itself without any."""
    days = ",".join(f"{first}/{last}" for first, last in spans)
    return f"{subject}@{days}" if days else subject


def mend(connection: sqlite3.Connection, subjects: dict[str, datetime]) -> Told:
    """Note successes; the ends of the troubles that they end."""
    rows = [
        (name, *span, at.timestamp())
        for subject, at in subjects.items()
        for name, spans in [_parts(subject)]
        for span in spans
    ]
    connection.executemany(
        "INSERT INTO mended VALUES (?, ?, ?, ?) ON CONFLICT (subject, first, last)"
        " DO UPDATE SET at = max(at, excluded.at)",
        rows,
    )
    return ended(connection)


def ended(connection: sqlite3.Connection) -> Told:
    """Close the troubles all of whose subjects work again; the messages that say so."""
    _forget_times_to_come(connection)
    open_ones = connection.execute(
        "SELECT incident, subjects, alert, targets, last_since, repeats FROM incidents"
        " WHERE closed_at IS NULL"
    ).fetchall()
    ends: Told = []
    for incident, subjects, alert, targets, last_since, repeats in open_ones:
        times = [_mended_at(connection, name, last_since) for name in json.loads(subjects)]
        if any(at is None for at in times):
            continue
        if time.time() - last_since < CALM_SECONDS and comes_and_goes(connection, subjects):
            continue
        connection.execute(
            "UPDATE incidents SET closed_at = ? WHERE incident = ?", (time.time(), incident)
        )
        first = Alert.model_validate_json(alert)
        over = datetime.fromtimestamp(max(at for at in times if at is not None), UTC)
        ends.append((_end_of(first, over, repeats), json.loads(targets)))
    return ends


def comes_and_goes(connection: sqlite3.Connection, subjects: str) -> bool:
    """Whether a trouble, by its subjects as the ledger holds them, has ended again and again.

    Told each time, what fails and works again every few minutes would be thirty messages an hour.
    """
    (ends,) = connection.execute(
        "SELECT count(*) FROM incidents WHERE subjects = ? AND closed_at > ?",
        (subjects, time.time() - ENDS_SECONDS),
    ).fetchone()
    return int(ends) >= ENDS_IN_A_ROW


def _forget_times_to_come(connection: sqlite3.Connection) -> None:
    """Let times count no more that are from before the clock was set back.

    A success of tomorrow would end, at once, whatever breaks until then; a failure of tomorrow
    would not end before.
    """
    now = time.time()
    latest = now + CLOCK_SECONDS
    connection.execute("DELETE FROM mended WHERE at > ?", (latest,))
    for column in ("last_since", "told_at"):
        connection.execute(
            f"UPDATE incidents SET {column} = ? WHERE closed_at IS NULL AND {column} > ?",
            (now, latest),
        )


def _mended_at(connection: sqlite3.Connection, subject: str, after: float) -> float | None:
    """Since when all drops of a subject work again; None where one of them does not yet.

    Each drop counts for itself: of two that broke together one may be corrected tonight and the
    other tomorrow.
    """
    name, spans = _parts(subject)
    mended = connection.execute(
        "SELECT first, last, at FROM mended WHERE subject = ? AND at > ?", (name, after)
    ).fetchall()
    times = [
        min((at for first, last, at in mended if not day or first <= day <= last), default=None)
        for span in spans
        for day in _days(*span)
    ]
    worked = [at for at in times if at is not None]
    return float(max(worked)) if worked and len(worked) == len(times) else None


def _days(first: str, last: str) -> list[str]:
    """Every day of a span; one empty text where it is about no drops."""
    if not first:
        return [""]
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def _end_of(first: Alert, over: datetime, repeats: int) -> Alert:
    # What fails at each tick is over, too, once it is switched off or a release has removed it.
    end = "works again" + (", is switched off or removed" if first.kind == "sensor-failing" else "")
    times = f"it happened {repeats + 1} times" if repeats else "it happened once"
    return first.model_copy(
        update={
            "title": f"{RECOVERED}{first.title}",
            "what": f"It {end}; nothing is left to do."
            f" It lasted {_span(over - first.since)}, {times}.",
            "severity": Severity.INFO,
            "facts": {"over since": f"{over:%Y-%m-%d %H:%M:%S} UTC"},
            "event_key": f"{OVER}{first.event_key}",
            "resolved": True,
        }
    )


def _span(time: timedelta) -> str:
    """A length of time as people say it: from two hours on not in minutes, then not in hours."""
    minutes = max(0, round(time.total_seconds() / 60))
    if minutes >= 2 * 24 * 60:
        return f"{round(minutes / (24 * 60))} days"
    if minutes >= 2 * 60:
        return f"{round(minutes / 60)} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _parts(subject: str) -> tuple[str, list[tuple[str, str]]]:
    """Name and spans of a subject; one span of empty texts where it is about no drops."""
    name, _, days = subject.partition("@")
    ends = [span.partition("/") for span in days.split(",")]
    return name, [(first, last) for first, _, last in ends]
