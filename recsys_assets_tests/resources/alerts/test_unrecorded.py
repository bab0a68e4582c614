"""What is told while the ledger cannot be written."""

import os
import time
from collections import defaultdict
from pathlib import Path

import pytest

from recsys_assets.resources.alerts import AlertDeliveryError, Notifier, unrecorded
from recsys_assets_tests.resources.alert_servers import Mailbox
from recsys_assets_tests.resources.alerts.making import email_to, make_alert


def test_a_ledger_that_cannot_be_written_brings_no_storm(mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    notifier = Notifier(
        email=email_to(mailbox.port), ledger_path=str(tmp_path / "file" / "alerts.sqlite")
    )
    for look in range(10):
        with pytest.raises(AlertDeliveryError, match="ledger"):
            notifier.send(make_alert(event_key=f"tick:{look}", subjects=("tick:x",)))
    assert len(mailbox.mails) == 3
    with pytest.raises(AlertDeliveryError, match="ledger"):
        notifier.mend({"tick:x": make_alert().since})


def test_processes_that_look_in_turn_bring_no_storm_either(
    mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of `recsys health --tell` is one, every five minutes."""
    ledger = tmp_path / "alerts.sqlite"
    ledger.write_bytes(b"not a database" * 1000)
    notifier = Notifier(email=email_to(mailbox.port), ledger_path=str(ledger))

    def look(subject: str) -> None:
        monkeypatch.setattr(unrecorded, "_told", defaultdict(list))  # as in a new process
        with pytest.raises(AlertDeliveryError, match="ledger"):
            notifier.send(make_alert(subjects=(subject,)))

    for _ in range(5):
        look("daemon:SENSOR")
    assert len(mailbox.mails) == 3
    look("daemon:SCHEDULER")
    assert len(mailbox.mails) == 4, "another trouble is told"
    for mark in tmp_path.glob("*.told-*"):
        os.utime(mark, (0, time.time() - 6 * 3600 - 1))
    for _ in range(5):
        look("daemon:SENSOR")
    assert len(mailbox.mails) == 7, "after a while it is told again"
