"""What is told while the ledger cannot be written."""

from pathlib import Path

import pytest

from recsys_assets.resources.alerts import AlertDeliveryError, Notifier
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
