"""Troubles from their first alert to their end, in the ledger's database.

    event -> new trouble     told
          -> known trouble   told again a few times, then only counted until a while has passed
    success of what was broken, later than the last failure -> the trouble is over: told once

A subject is what is broken, as text: ``step:als_model``, or ``check:ratings:no_rejected_files
@2026-01-31/2026-02-01`` where it is about some drops: only a success over all of these mends it.
Sensors may see a success before the failure it follows; so successes are kept with their times.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from recsys_assets.resources.alerts.message import RECOVERED, Alert, Severity

TOLD_IN_A_ROW = 3
"""Messages about one trouble before repeats are only counted."""
QUIET_SECONDS = 6 * 3600.0
"""How long repeats are only counted then."""

Told = list[tuple[Alert, Sequence[str]]]

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    event_key TEXT PRIMARY KEY, recorded_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incidents (
    incident TEXT PRIMARY KEY,
    subjects TEXT NOT NULL,
    alert TEXT NOT NULL,
    targets TEXT NOT NULL,
    last_since REAL NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0,
    untold INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 1,
    told_at REAL NOT NULL,
    closed_at REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mended (
    subject TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (subject, first, last)
) WITHOUT ROWID;
"""


def about_drops(subject: str, first: str, last: str) -> str:
    """The subject of some drops; the subject itself where there are none."""
    return f"{subject}@{first}/{last}" if first else subject


def admit(connection: sqlite3.Connection, alert: Alert, targets: Sequence[str]) -> Told:
    """Decide what is told because of an event."""
    new = connection.execute(
        "INSERT OR IGNORE INTO events VALUES (?, ?)", (alert.event_key, time.time())
    )
    if not new.rowcount:
        return []
    if not alert.subjects:
        return [(alert, targets)]
    subjects = json.dumps(sorted(alert.subjects))
    known = connection.execute(
        "SELECT incident, repeats, untold, told, told_at, targets FROM incidents"
        " WHERE subjects = ? AND closed_at IS NULL",
        (subjects,),
    ).fetchone()
    if known is None:
        opening = alert.model_copy(update={"incident": alert.event_key})
        connection.execute(
            "INSERT INTO incidents (incident, subjects, alert, targets, last_since, told_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                alert.event_key,
                subjects,
                opening.model_dump_json(),
                json.dumps(list(targets)),
                alert.since.timestamp(),
                time.time(),
            ),
        )
        return [(opening, targets), *_ended(connection)]
    return [*_repeat(connection, alert, targets, known), *_ended(connection)]


def _repeat(
    connection: sqlite3.Connection, alert: Alert, targets: Sequence[str], known: tuple[object, ...]
) -> Told:
    incident, repeats, untold, told, told_at, owed = known
    now, repeats = time.time(), int(str(repeats)) + 1
    if now - float(str(told_at)) >= QUIET_SECONDS:
        told = 0
    tell = int(str(told)) < TOLD_IN_A_ROW
    connection.execute(
        "UPDATE incidents SET repeats = ?, untold = ?, told = ?, told_at = ?, targets = ?,"
        " last_since = max(last_since, ?) WHERE incident = ?",
        (
            repeats,
            0 if tell else int(str(untold)) + 1,
            int(str(told)) + int(tell),
            now if tell else told_at,
            json.dumps(list(dict.fromkeys([*json.loads(str(owed)), *targets]))),
            alert.since.timestamp(),
            incident,
        ),
    )
    if not tell:
        return []
    fact = f"happened {repeats + 1} times so far"
    if untold:
        fact += f", {untold} of them not told: it is told {TOLD_IN_A_ROW} times, then counted"
    facts = {"repeated": fact, **alert.facts}
    return [(alert.model_copy(update={"incident": incident, "facts": facts}), targets)]


def mend(connection: sqlite3.Connection, subjects: dict[str, datetime]) -> Told:
    """Note successes; the ends of the troubles that they end."""
    rows = [(*_parts(subject), at.timestamp()) for subject, at in subjects.items()]
    connection.executemany(
        "INSERT INTO mended VALUES (?, ?, ?, ?) ON CONFLICT (subject, first, last)"
        " DO UPDATE SET at = max(at, excluded.at)",
        rows,
    )
    return _ended(connection)


def _ended(connection: sqlite3.Connection) -> Told:
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
            "event_key": f"recovered:{first.event_key}",
            "resolved": True,
        }
    )


def _parts(subject: str) -> tuple[str, str, str]:
    name, _, dates = subject.partition("@")
    first, _, last = dates.partition("/")
    return name, first, last


def listing(connection: sqlite3.Connection) -> list[dict[str, object]]:
    """Troubles that are not over, the oldest first."""
    rows: Iterable[tuple[str, str, int, int]] = connection.execute(
        "SELECT incident, alert, repeats, untold FROM incidents WHERE closed_at IS NULL"
        " ORDER BY last_since"
    )
    open_ones: list[dict[str, object]] = []
    for incident, body, repeats, untold in rows:
        alert = Alert.model_validate_json(body)
        open_ones.append(
            {
                "incident": incident,
                "title": alert.title,
                "severity": alert.severity.value,
                "since": alert.since_text,
                "cause": alert.cause,
                "runbook": alert.kind,
                "repeats": repeats,
                "untold": untold,
                "subjects": list(alert.subjects),
            }
        )
    return open_ones


def forget(connection: sqlite3.Connection, before: float) -> int:
    """Drop what ended before a time; rows dropped."""
    return sum(
        connection.execute(statement, (before,)).rowcount
        for statement in (
            "DELETE FROM incidents WHERE closed_at < ?",
            "DELETE FROM mended WHERE at < ?",
            "DELETE FROM events WHERE recorded_at < ?",
        )
    )
