"""Troubles from their first alert to their end, in the ledger's database.

    event -> new trouble     told
          -> known trouble   told again a few times, then only counted until a while has passed
    success of what was broken, later than the last failure -> the trouble is over: told once,
                             after an hour where it has come and gone all the time

What broke is named by subjects; `recoveries` knows which of them work again.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence

from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.alerts.recoveries import (
    CALM_SECONDS,
    ENDS_IN_A_ROW,
    ENDS_SECONDS,
    Told,
    comes_and_goes,
    ended,
)

TOLD_IN_A_ROW = 3
"""Messages about one trouble before repeats are only counted."""
QUIET_SECONDS = 6 * 3600.0
"""How long repeats are only counted then."""

_COMES_AND_GOES = (
    f"it has ended {ENDS_IN_A_ROW} times within {ENDS_SECONDS / 3600:.0f} hours: its next end is "
    f"told once it has worked for {CALM_SECONDS / 60:.0f} minutes"
)
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


def admit(connection: sqlite3.Connection, alert: Alert, targets: Sequence[str]) -> Told:
    """Decide what is told because of an event."""
    subjects = json.dumps(sorted(alert.subjects))
    # An event that stands for an hour of looks has happened again once its trouble was over.
    again = connection.execute(
        "SELECT 1 FROM events, incidents WHERE event_key = ? AND subjects = ?"
        " GROUP BY subjects HAVING max(ifnull(closed_at, ?)) < ?",
        (alert.event_key, subjects, time.time() + QUIET_SECONDS, alert.since.timestamp()),
    ).fetchone()
    if again:
        key = f"{alert.event_key}:{alert.since:%H:%M:%S}"
        alert = alert.model_copy(update={"event_key": key})
    # What was noted while there was nobody to tell is news to those who are there now.
    unheard = connection.execute(
        "DELETE FROM incidents WHERE subjects = ? AND closed_at IS NULL AND targets = '[]' AND ?",
        (subjects, bool(targets)),
    )
    new = connection.execute(
        "INSERT OR IGNORE INTO events VALUES (?, ?)", (alert.event_key, time.time())
    )
    if not new.rowcount and not unheard.rowcount:
        return []
    if not alert.subjects:
        return [(alert, targets)]
    known = connection.execute(
        "SELECT incident, repeats, untold, told, told_at, targets FROM incidents"
        " WHERE subjects = ? AND closed_at IS NULL",
        (subjects,),
    ).fetchone()
    if known is None:
        often = comes_and_goes(connection, subjects)
        facts = {"comes and goes": _COMES_AND_GOES} if often else {}
        update = {"incident": alert.event_key, "facts": facts | alert.facts}
        opening = alert.model_copy(update=update)
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
        return [(opening, targets), *ended(connection)]
    return [*_repeat(connection, alert, targets, known), *ended(connection)]


def _repeat(
    connection: sqlite3.Connection, alert: Alert, targets: Sequence[str], known: tuple[object, ...]
) -> Told:
    incident, repeats, untold, told, told_at, owed = known
    now, repeats = time.time(), int(str(repeats)) + 1
    if now - float(str(told_at)) >= QUIET_SECONDS:
        told = 0
    tell, before = int(str(told)) < TOLD_IN_A_ROW, json.loads(str(owed))
    # Who is concerned since it got worse, or by a channel set since, has not heard of it at all.
    hearers = targets if tell else [target for target in targets if target not in before]
    connection.execute(
        "UPDATE incidents SET repeats = ?, untold = ?, told = ?, told_at = ?, targets = ?,"
        " last_since = max(last_since, ?) WHERE incident = ?",
        (
            repeats,
            0 if tell else int(str(untold)) + 1,
            int(str(told)) + int(tell),
            now if tell else told_at,
            json.dumps(list(dict.fromkeys([*before, *targets]))),
            alert.since.timestamp(),
            incident,
        ),
    )
    if not tell and not hearers:
        return []
    fact = f"happened {repeats + 1} times so far"
    if untold:
        fact += f", {untold} of them not told: it is told {TOLD_IN_A_ROW} times, then counted"
    facts = {"repeated": fact, **alert.facts}
    return [(alert.model_copy(update={"incident": incident, "facts": facts}), hearers)]


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
