"""The ledger of digests after years of them."""

import sqlite3
import time
from contextlib import closing

import pytest

from recsys_assets.home import Home
from recsys_assets.resources.digests.ledger import CLAIMED, SENT, MailLedger, MailLedgerError


def test_a_mail_costs_the_same_however_many_were_sent_before(home: Home) -> None:
    ledger, users, publications = MailLedger(home.digests), 100, 500
    assert ledger.claim("first", 1, 0)
    day = 24 * 3600
    sent = (
        (f"{number:016x}", user, SENT, time.time() - day * (publications - number))
        for number in range(publications)
        for user in range(users)
    )
    with closing(sqlite3.connect(home.digests)) as database, database:
        database.executemany(
            "INSERT INTO mails (publication, user, state, claimed_at) VALUES (?, ?, ?, ?)", sent
        )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with ledger._transaction() as connection:
        connection.set_progress_handler(count, 100)
        found = connection.execute(
            "SELECT count(*) FROM mails WHERE user = ? AND state IN (?, ?) AND claimed_at > ?",
            (7, CLAIMED, SENT, time.time() - 1.5 * day),
        ).fetchone()
    assert found == (1,)
    assert steps < 10, "of 50,000 rows all were looked at"
    assert not ledger.claim("new", 7, 36)
    assert ledger.claim("new", 7, 20)


def test_a_ledger_that_is_damaged_or_cannot_be_opened_is_named(home: Home) -> None:
    home.digests.write_bytes(b"not a database" * 1000)
    with pytest.raises(MailLedgerError, match=f"^{home.digests} is damaged .*recsys restore"):
        MailLedger(home.digests).claim("first", 7, 0)
    home.digests.unlink()
    home.digests.mkdir()
    with pytest.raises(sqlite3.OperationalError, match=f"^{home.digests}: unable to open"):
        MailLedger(home.digests).claim("first", 7, 0)
