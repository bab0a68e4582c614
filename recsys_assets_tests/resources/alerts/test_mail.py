"""Mails as they arrive: a real SMTP server on loopback."""

import re
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from recsys_assets.resources.alerts import (
    ChannelError,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    dripping_server,
    smtp_server,
)
from recsys_assets_tests.resources.alerts.making import (
    ON_CALL,
    PASSWORD,
    SENDER,
    email_to,
    html_of,
    make_alert,
)

# The server warns that it accepts a login without STARTTLS; the connection is already encrypted.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


def test_headers_and_bodies_say_what_happened(mailbox: Mailbox) -> None:
    channel = email_to(mailbox.port, recipients=[ON_CALL, "team@example.org"])
    channel.deliver(make_alert())
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[error] daily_ingest (2026-03-01) failed"
    assert mail["From"] == SENDER
    assert mail["To"] == f"{ON_CALL}, team@example.org"
    assert mailbox.envelopes[0].rcpt_tos == [ON_CALL, "team@example.org"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert abs(mail["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    for expected in (
        "ERROR: daily_ingest (2026-03-01) failed",
        "Failed: validated__ratings.",
        "Since: 2026-03-02 03:04:05 UTC",
        "Cause: ValueError: 7 files are unreadable",
        "- rows quarantined: 12",
        "> runbook: https://x.org/book?a=1&b=2",
    ):
        assert expected in mailbox.bodies()[0].splitlines()
    link = r'<a href="https://x\.org/book\?a=1&amp;b=2"[^>]*>runbook</a>'
    assert re.search(link, html_of(mailbox))


def test_one_event_keeps_one_message_id(mailbox: Mailbox) -> None:
    for alert in (make_alert(), make_alert(), make_alert(event_key="other")):
        email_to(mailbox.port).deliver(alert)
    first, again, other = (mail["Message-ID"] for mail in mailbox.mails)
    assert first == again != other
    assert first.endswith("@example.org>")


def test_html_shows_hostile_values_as_text(mailbox: Mailbox) -> None:
    hostile = "<script>alert('x')</script> & \"more\""
    alert = make_alert(
        title=hostile,
        what=hostile,
        cause=hostile,
        facts={hostile: hostile},
        links={hostile: "javascript:alert(1)", "run": 'http://h/"><img src=x>'},
        event_key=hostile,
    )
    email_to(mailbox.port).deliver(alert)
    html = html_of(mailbox)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)") == 8
    assert f"Cause: {hostile}" in mailbox.bodies()[0]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_no_header_can_be_injected(mailbox: Mailbox, newline: str) -> None:
    title = f"broken{newline}Bcc: thief@example.org{newline}{newline}<p>"
    email_to(mailbox.port).deliver(make_alert(title=title))
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[error] broken Bcc: thief@example.org <p>"
    assert mailbox.envelopes[0].rcpt_tos == [ON_CALL]


def test_an_address_with_a_newline_is_refused(mailbox: Mailbox) -> None:
    channel = email_to(mailbox.port, sender=f"{SENDER}\nBcc: thief@example.org")
    with pytest.raises(ChannelError, match="linefeed"):
        channel.deliver(make_alert())
    assert mailbox.mails == []


def test_text_that_cannot_be_encoded_still_arrives(mailbox: Mailbox) -> None:
    alert = make_alert(title="Größe 大", cause="file \udcff\x00\x1b[31m.csv\n.\nend", facts={})
    email_to(mailbox.port).deliver(alert)
    assert mailbox.mails[0]["Subject"] == "[error] Größe 大"
    assert "Cause: file \ufffd\ufffd\ufffd[31m.csv\n.\nend\n" in mailbox.bodies()[0]


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_encrypted_with_login(certificate: Path, security: str) -> None:
    with smtp_server(security, certificate) as mailbox:
        email_to(
            mailbox.port,
            security=security,
            username="alerts",
            password=SecretStr(PASSWORD + "\n"),
            ca_file=str(certificate),
        ).deliver(make_alert())
        assert mailbox.logins == ["alerts"]
        assert len(mailbox.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_an_unknown_certificate_is_refused(certificate: Path, security: str) -> None:
    login = {"username": "alerts", "password": PASSWORD}
    with smtp_server(security, certificate) as mailbox:
        with pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"):
            email_to(mailbox.port, security=security, **login).deliver(make_alert())
        assert mailbox.logins == []
        assert mailbox.mails == []


def test_a_server_without_starttls_gets_no_mail_in_the_clear(mailbox: Mailbox) -> None:
    with pytest.raises(ChannelError, match="STARTTLS"):
        email_to(mailbox.port, security="starttls").deliver(make_alert())
    assert mailbox.mails == []


def test_wrong_password_is_an_error_without_the_password(certificate: Path) -> None:
    with smtp_server("starttls", certificate) as mailbox:
        channel = email_to(
            mailbox.port,
            security="starttls",
            username="alerts",
            password="wr0ng-Passw0rd",
            ca_file=str(certificate),
        )
        with pytest.raises(ChannelError, match="535") as caught:
            channel.deliver(make_alert())
    assert "wr0ng" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_mail_the_server_has_taken_counts_whatever_its_goodbye(mailbox: Mailbox) -> None:
    mailbox.quit_answer = "500 I do not know that word"
    email_to(mailbox.port).deliver(make_alert())
    assert len(mailbox.mails) == 1


def test_one_refused_recipient_is_logged_and_the_others_get_it(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.refused_recipients = {"gone@example.org"}
    email_to(mailbox.port, recipients=["gone@example.org", ON_CALL]).deliver(make_alert())
    assert mailbox.envelopes[0].rcpt_tos == [ON_CALL]
    assert "refused for gone@example.org" in caplog.text


def test_a_server_that_drips_costs_the_time_limit() -> None:
    started = time.monotonic()
    with dripping_server(seconds=2.0) as port:
        with pytest.raises(ChannelError, match="timed out"):
            email_to(port, timeout_seconds=0.5).deliver(make_alert())
        assert time.monotonic() - started < 1.5


def test_all_recipients_refused_is_an_error(mailbox: Mailbox) -> None:
    mailbox.refused_recipients = {ON_CALL}
    with pytest.raises(ChannelError, match="no such mailbox"):
        email_to(mailbox.port).deliver(make_alert())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"username": "alerts"}, "both username and password"),
        ({"username": "alerts", "password": PASSWORD}, "in the clear"),
        ({"recipients": []}, "at least 1 item"),
        ({"security": "tls"}, "'plain', 'starttls' or 'ssl'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        email_to(25, **fields)
    assert PASSWORD not in str(caught.value)
