"""The delivery ledger: who has which alert, which alerts still wait, and which troubles are open.

One row per event and target: recorded -> claimed -> delivered, or released with the reason and
tried again. Two senders never hold the same row, so an event reaches a target once. The one
exception is a process that dies between the server's acceptance and the note of it: its claim runs
out and the alert goes out again, since a second copy is better than silence.

What is told and what is only counted is decided in `incidents`, in the same transaction.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recsys_assets.resources.alerts import incidents, recoveries
from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.sqlite_file import transaction

CLAIM_SECONDS = 600.0
"""How long a sender may take: far longer than any delivery, short enough for a night."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    event_key TEXT NOT NULL,
    channel TEXT NOT NULL,
    alert TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    claimed_until REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    delivered_at REAL,
    PRIMARY KEY (event_key, channel)
) WITHOUT ROWID;
"""

# A pager that is told of the end first opens the trouble afterwards, and nothing ever closes it.
_BEGINNING_WAITS = f"""
(deliveries.event_key LIKE '{recoveries.OVER}%' AND EXISTS (
    SELECT 1 FROM deliveries AS earlier
    WHERE earlier.channel = deliveries.channel AND earlier.event_key <> deliveries.event_key
    AND CASE WHEN earlier.delivered_at IS NULL
        THEN '{recoveries.OVER}' || json_extract(earlier.alert, '$.incident') END
        = deliveries.event_key
))
"""


@dataclass(frozen=True)
class DeliveryLedger:
    """A SQLite file shared by all senders."""

    path: Path
    """The file, on a local disk, or on a share by NFS."""

    def admit(self, alert: Alert, targets: Sequence[str]) -> list[Alert]:
        """Take an event in: what now has to be told because of it, recorded for its targets.

        Usually that is the alert itself; nothing if the event is known, or if the trouble has been
        told often enough of late; the alert and its end if the trouble is over already.
        """
        with self._transaction() as connection:
            told = incidents.admit(connection, alert, targets)
            return self._record(connection, told)

    def mend(self, subjects: dict[str, datetime]) -> list[Alert]:
        """Note that something worked at a time: the ends of troubles, recorded for their targets.

        Args:
            subjects: what worked, as alerts name it, and when.
        """
        with self._transaction() as connection:
            return self._record(connection, recoveries.mend(connection, subjects))

    def claim(self, event_key: str, channel: str) -> Alert | None:
        """Take the right to deliver: the alert as it was recorded.

        None if it was delivered, if another sender is at it, or if it tells the end of a trouble
        whose beginning still waits for this target.
        """
        now = time.time()
        with self._transaction() as connection:
            claimed = connection.execute(
                "UPDATE deliveries SET claimed_until = ?, attempts = attempts + 1"
                " WHERE event_key = ? AND channel = ?"
                f" AND delivered_at IS NULL AND claimed_until < ? AND NOT {_BEGINNING_WAITS}"
                " RETURNING alert",
                (now + CLAIM_SECONDS, event_key, channel, now),
            ).fetchone()
        return None if claimed is None else Alert.model_validate_json(claimed[0])

    def settle(self, event_key: str, channel: str, error: str | None = None) -> None:
        """End a claim: delivered if `error` is None, otherwise waiting again.

        The text of a delivered alert is dropped: only the key is needed from then on.
        """
        delivered_at = time.time() if error is None else None
        with self._transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET claimed_until = 0, last_error = ?, delivered_at = ?,"
                " alert = CASE WHEN ? IS NULL THEN '' ELSE alert END"
                " WHERE event_key = ? AND channel = ?",
                (error, delivered_at, error, event_key, channel),
            )

    def targets(self, event_key: str) -> list[str]:
        """Who is owed an event, delivered or not."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT channel FROM deliveries WHERE event_key = ? ORDER BY channel", (event_key,)
            ).fetchall()
        return [target for (target,) in rows]

    def waiting(self, channel: str, limit: int) -> list[Alert]:
        """List alerts that a target still has to get.

        Those tried least come first, so that one message a server always refuses holds up no other.
        """
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT alert FROM deliveries"
                " WHERE channel = ? AND delivered_at IS NULL AND claimed_until < ?"
                f" AND NOT {_BEGINNING_WAITS}"
                " ORDER BY attempts, recorded_at LIMIT ?",
                (channel, time.time(), limit),
            ).fetchall()
        return [Alert.model_validate_json(body) for (body,) in rows]

    def waiting_targets(self) -> list[str]:
        """Targets that something waits for."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT channel FROM deliveries WHERE delivered_at IS NULL"
                " ORDER BY channel"
            ).fetchall()
        return [target for (target,) in rows]

    def hand_over(self, gone: str, heirs: Callable[[Alert], Sequence[str]]) -> None:
        """Owe to others what a target has not got and will not get any more.

        Args:
            gone: the target, whose channel is configured no more.
            heirs: who is told of an alert instead; of an end, those whom its beginning concerns.
        """
        with self._transaction() as connection:
            waiting = connection.execute(
                "DELETE FROM deliveries WHERE channel = ? AND delivered_at IS NULL RETURNING alert",
                (gone,),
            ).fetchall()
            for alert in (Alert.model_validate_json(body) for (body,) in waiting):
                begun = connection.execute(
                    "SELECT alert FROM incidents WHERE incident = ?", (alert.incident,)
                ).fetchone()
                first = Alert.model_validate_json(begun[0]) if begun else alert
                self._record(connection, [(alert, heirs(first))])

    def open_incidents(self) -> list[dict[str, object]]:
        """Troubles that are not over: title, since when, how often told and only counted."""
        # Only read: on a full disk nothing can be opened for writing, not even the log beside it.
        address = f"{self.path.resolve().as_uri()}?immutable=1"
        try:
            with self._transaction() as connection:
                return incidents.listing(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:  # `immutable` would miss the log
                address = f"{self.path.resolve().as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True)) as connection:
                return incidents.listing(connection)

    def forget(self, before: float) -> int:
        """Drop what was delivered before a time, and what was mended then; rows dropped."""
        with self._transaction() as connection:
            dropped = connection.execute(
                "DELETE FROM deliveries WHERE delivered_at < ?", (before,)
            ).rowcount
            return dropped + incidents.forget(connection, before)

    @staticmethod
    def _record(
        connection: sqlite3.Connection, told: list[tuple[Alert, Sequence[str]]]
    ) -> list[Alert]:
        connection.executemany(
            "INSERT OR IGNORE INTO deliveries (event_key, channel, alert, recorded_at)"
            " VALUES (?, ?, ?, ?)",
            [
                (alert.event_key, target, alert.model_dump_json(), time.time())
                for alert, targets in told
                for target in targets
            ],
        )
        return [alert for alert, _ in told]

    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self.path, _SCHEMA + incidents.SCHEMA)
