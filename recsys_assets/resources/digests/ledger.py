"""Who was sent what: a user gets each list at most once, and not two mails in a short time.

The row is written before the mail leaves. A process that dies in between leaves a row of which
nobody knows whether its mail arrived; it is not sent again, and it is counted.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recsys_assets.resources.sqlite_file import transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    publication TEXT NOT NULL,
    user INTEGER NOT NULL,
    state TEXT NOT NULL,
    claimed_at REAL NOT NULL,
    error TEXT,
    PRIMARY KEY (publication, user)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mails_by_user ON mails (user, claimed_at);
"""
# Without the index each mail would look through those of all users and publications ever.

CLAIMED, SENT, WAITING, REFUSED = "claimed", "sent", "waiting", "refused"


class MailLedgerError(Exception):
    """The ledger is no database any more; no mail leaves without it."""


@dataclass(frozen=True)
class MailLedger:
    """A SQLite file shared by all senders."""

    path: Path
    """The file, on a local disk, or on a share by NFS."""

    def claim(self, publication: str, user: int, min_hours: float) -> bool:
        """Take the right to send a user the mail about a publication: the list published for them.

        False if that mail was sent or may have been, or if the user got another one of late.
        """
        now = time.time()
        with self._transaction() as connection:
            recent = connection.execute(
                "SELECT 1 FROM mails WHERE user = ? AND publication <> ? AND state IN (?, ?)"
                " AND claimed_at > ?",
                (user, publication, CLAIMED, SENT, now - min_hours * 3600),
            ).fetchone()
            if recent:
                return False
            claimed = connection.execute(
                "INSERT INTO mails (publication, user, state, claimed_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (publication, user) DO UPDATE"
                " SET state = excluded.state, claimed_at = excluded.claimed_at"
                " WHERE mails.state = ?",
                (publication, user, CLAIMED, now, WAITING),
            )
            return claimed.rowcount == 1

    def settle(self, publication: str, user: int, state: str, error: str = "") -> None:
        """Note what became of a mail."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE mails SET state = ?, error = ? WHERE publication = ? AND user = ?",
                (state, error[:500], publication, user),
            )

    def unknown(self, mails: Iterable[tuple[str, int]]) -> int:
        """How many of these mails, by publication and user, were taken by a sender that died."""
        query = "SELECT count(*) FROM mails WHERE publication = ? AND user = ? AND state = ?"
        with self._transaction() as connection:
            return sum(connection.execute(query, (*m, CLAIMED)).fetchone()[0] for m in mails)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with transaction(self.path, _SCHEMA) as connection:
                yield connection
        except sqlite3.OperationalError as error:  # locked, without room, not ours to write
            raise sqlite3.OperationalError(f"{self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise MailLedgerError(
                f"{self.path} is damaged ({error}), and no digest is sent without it: put back that"
                " of a backup by recsys restore, or move it away; then everybody gets the list that"
                " is published for them, also those who have had it"
            ) from error
