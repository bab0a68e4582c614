"""What works again: successes kept by subject, and the troubles that they end.

A subject is what is broken, as text: ``step:als_model``, or ``check:ratings:no_rejected_files
@2026-01-31/2026-02-01`` where it is about some drops: only a success over all of these mends it.
Sensors may see a success before the failure it follows; so successes are kept with their times.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from recsys_assets.resources.alerts.message import RECOVERED, Alert, Severity

OVER = "recovered:"
"""Begins the event key of a message that says that a trouble is over."""

Told = list[tuple[Alert, Sequence[str]]]
"""Messages to tell, each with those who are owed it."""


def about_drops(subject: str, first: str, last: str) -> str:
    """The subject of some drops; the subject itself where there are none."""
    return f"{subject}@{first}/{last}" if first else subject


def mend(connection: sqlite3.Connection, subjects: dict[str, datetime]) -> Told:
    """Note successes; the ends of the troubles that they end."""
    rows = [(*_parts(subject), at.timestamp()) for subject, at in subjects.items()]
    connection.executemany(
        "INSERT INTO mended VALUES (?, ?, ?, ?) ON CONFLICT (subject, first, last)"
        " DO UPDATE SET at = max(at, excluded.at)",
        rows,
    )
    return ended(connection)


def ended(connection: sqlite3.Connection) -> Told:
    """Close the troubles all of whose subjects work again; the messages that say so."""
    open_ones = connection.execute(
        "SELECT incident, subjects, alert, targets, last_since, repeats FROM incidents"
        " WHERE closed_at IS NULL"
    ).fetchall()
    ends: Told = []
    for incident, subjects, alert, targets, last_since, repeats in open_ones:
        times = [_mended_at(connection, name, last_since) for name in json.loads(subjects)]
        if any(at is None for at in times):
            continue
        connection.execute(
            "UPDATE incidents SET closed_at = ? WHERE incident = ?", (time.time(), incident)
        )
        first = Alert.model_validate_json(alert)
        over = datetime.fromtimestamp(max(at for at in times if at is not None), UTC)
        ends.append((_end_of(first, over, repeats), json.loads(targets)))
    return ends


def _mended_at(connection: sqlite3.Connection, subject: str, after: float) -> float | None:
    name, first, last = _parts(subject)
    row = connection.execute(
        "SELECT min(at) FROM mended WHERE subject = ? AND at > ?"
        " AND (? = '' OR (first <> '' AND first <= ? AND last >= ?))",
        (name, after, first, first, last),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def _end_of(first: Alert, over: datetime, repeats: int) -> Alert:
    minutes = max(0, round((over - first.since).total_seconds() / 60))
    times = f"it happened {repeats + 1} times" if repeats else "it happened once"
    return first.model_copy(
        update={
            "title": f"{RECOVERED}{first.title}",
            "what": f"It works again; nothing is left to do. It lasted {minutes} minutes, {times}.",
            "severity": Severity.INFO,
            "facts": {"works since": f"{over:%Y-%m-%d %H:%M:%S} UTC"},
            "event_key": f"{OVER}{first.event_key}",
            "resolved": True,
        }
    )


def _parts(subject: str) -> tuple[str, str, str]:
    name, _, dates = subject.partition("@")
    first, _, last = dates.partition("/")
    return name, first, last
