"""The delivery ledger: which channel has which alert, and which alerts still wait.

One row per event and channel: recorded -> claimed -> delivered, or released with the reason and
tried again. Two senders never hold the same row, so an event reaches a channel once. The one
exception is a process that dies between the server's acceptance and the note of it: its claim runs
out and the alert goes out again, since a second copy is better than silence.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys_assets.resources.alerts.message import Alert

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
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class DeliveryLedger:
    """A SQLite file shared by all senders on one machine."""

    path: Path
    """The file, on a local disk: the write-ahead log does not work on network file systems."""

    def record(self, alert: Alert, channels: Sequence[str]) -> None:
        """Note that `channels` are owed `alert`; an event that is known already stays as it is."""
        body, now = alert.model_dump_json(), time.time()
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO deliveries (event_key, channel, alert, recorded_at)"
                " VALUES (?, ?, ?, ?)",
                [(alert.event_key, channel, body, now) for channel in channels],
            )

    def claim(self, event_key: str, channel: str) -> bool:
        """Take the right to deliver; False if it was delivered or another sender is at it."""
        now = time.time()
        with self._transaction() as connection:
            claimed = connection.execute(
                "UPDATE deliveries SET claimed_until = ?, attempts = attempts + 1"
                " WHERE event_key = ? AND channel = ?"
                " AND delivered_at IS NULL AND claimed_until < ?",
                (now + CLAIM_SECONDS, event_key, channel, now),
            )
            return claimed.rowcount == 1

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

    def waiting(self, channel: str, limit: int) -> list[Alert]:
        """List alerts that `channel` still has to get.

        Those tried least come first, so that one message a server always refuses holds up no other.
        """
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT alert FROM deliveries"
                " WHERE channel = ? AND delivered_at IS NULL AND claimed_until < ?"
                " ORDER BY attempts, recorded_at LIMIT ?",
                (channel, time.time(), limit),
            ).fetchall()
        return [Alert.model_validate_json(body) for (body,) in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
            with connection:
                yield connection
