"""An alert to send, and the settings of a mail channel on loopback."""

from datetime import UTC, datetime
from typing import Any

from recsys_assets.resources.alerts import (
    Alert,
    EmailChannel,
    Severity,
)
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Mailbox,
)

PASSWORD = "s3cret-Passw0rd"
TOKEN = "t0ken-0f-the-hook"
SENDER = "platform@example.org"
ON_CALL = "oncall@example.org"


def make_alert(**changes: Any) -> Alert:
    fields = {
        "title": "daily_ingest (2026-03-01) failed",
        "what": "Failed: validated__ratings.",
        "severity": Severity.ERROR,
        "since": datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC),
        "cause": "ValueError: 7 files are unreadable",
        "facts": {"rows quarantined": "12", "still served": "model 41"},
        "links": {"run": "http://127.0.0.1:3000/runs/abc", "runbook": "https://x.org/book?a=1&b=2"},
        "event_key": "run-failure:abc",
    }
    return Alert.model_validate(fields | changes)


def email_to(port: int, **changes: Any) -> EmailChannel:
    fields: dict[str, Any] = {
        "host": HOST,
        "port": port,
        "security": "plain",
        "sender": SENDER,
        "recipients": [ON_CALL],
        "timeout_seconds": 5.0,
    }
    return EmailChannel(**(fields | changes))


def html_of(mailbox: Mailbox) -> str:
    part = mailbox.mails[0].get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text
