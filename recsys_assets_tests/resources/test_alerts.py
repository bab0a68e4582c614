"""Alerts as they arrive: real SMTP servers and a real webhook receiver on loopback."""

import json
import logging
import re
import sqlite3
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from recsys_assets.resources.alerts import (
    Alert,
    AlertDeliveryError,
    ChannelError,
    EmailChannel,
    Notifier,
    Severity,
    WebhookChannel,
)
from recsys_assets.resources.alerts import ledger as ledger_module
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Mailbox,
    Posts,
    free_port,
    make_certificate,
    silent_server,
    smtp_server,
    webhook_server,
)

# The server warns that it accepts a login without STARTTLS; the connection is already encrypted.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

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


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def posts() -> Iterator[Posts]:
    with webhook_server() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


class TestMail:
    def test_headers_and_bodies_say_what_happened(self, mailbox: Mailbox) -> None:
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

    def test_one_event_keeps_one_message_id(self, mailbox: Mailbox) -> None:
        for alert in (make_alert(), make_alert(), make_alert(event_key="other")):
            email_to(mailbox.port).deliver(alert)
        first, again, other = (mail["Message-ID"] for mail in mailbox.mails)
        assert first == again != other
        assert first.endswith("@example.org>")

    def test_html_shows_hostile_values_as_text(self, mailbox: Mailbox) -> None:
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
    def test_no_header_can_be_injected(self, mailbox: Mailbox, newline: str) -> None:
        title = f"broken{newline}Bcc: thief@example.org{newline}{newline}<p>"
        email_to(mailbox.port).deliver(make_alert(title=title))
        (mail,) = mailbox.mails
        assert mail["Bcc"] is None
        assert mail["Subject"] == "[error] broken Bcc: thief@example.org <p>"
        assert mailbox.envelopes[0].rcpt_tos == [ON_CALL]

    def test_an_address_with_a_newline_is_refused(self, mailbox: Mailbox) -> None:
        channel = email_to(mailbox.port, sender=f"{SENDER}\nBcc: thief@example.org")
        with pytest.raises(ChannelError, match="linefeed"):
            channel.deliver(make_alert())
        assert mailbox.mails == []

    def test_text_that_cannot_be_encoded_still_arrives(self, mailbox: Mailbox) -> None:
        alert = make_alert(title="Größe 大", cause="file \udcff\x00\x1b[31m.csv\n.\nend", facts={})
        email_to(mailbox.port).deliver(alert)
        assert mailbox.mails[0]["Subject"] == "[error] Größe 大"
        assert "Cause: file \ufffd\ufffd\ufffd[31m.csv\n.\nend\n" in mailbox.bodies()[0]

    @pytest.mark.parametrize("security", ["starttls", "ssl"])
    def test_encrypted_with_login(self, certificate: Path, security: str) -> None:
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
    def test_an_unknown_certificate_is_refused(self, certificate: Path, security: str) -> None:
        login = {"username": "alerts", "password": PASSWORD}
        with smtp_server(security, certificate) as mailbox:
            with pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"):
                email_to(mailbox.port, security=security, **login).deliver(make_alert())
            assert mailbox.logins == []
            assert mailbox.mails == []

    def test_a_server_without_starttls_gets_no_mail_in_the_clear(self, mailbox: Mailbox) -> None:
        with pytest.raises(ChannelError, match="STARTTLS"):
            email_to(mailbox.port, security="starttls").deliver(make_alert())
        assert mailbox.mails == []

    def test_wrong_password_is_an_error_without_the_password(self, certificate: Path) -> None:
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

    def test_mail_the_server_has_taken_counts_whatever_its_goodbye(self, mailbox: Mailbox) -> None:
        mailbox.quit_answer = "500 I do not know that word"
        email_to(mailbox.port).deliver(make_alert())
        assert len(mailbox.mails) == 1

    def test_one_refused_recipient_is_logged_and_the_others_get_it(
        self, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        mailbox.refused_recipients = {"gone@example.org"}
        email_to(mailbox.port, recipients=["gone@example.org", ON_CALL]).deliver(make_alert())
        assert mailbox.envelopes[0].rcpt_tos == [ON_CALL]
        assert "refused for gone@example.org" in caplog.text

    def test_all_recipients_refused_is_an_error(self, mailbox: Mailbox) -> None:
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
    def test_settings_that_make_no_sense_are_refused(
        self, fields: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValidationError, match=message) as caught:
            email_to(25, **fields)
        assert PASSWORD not in str(caught.value)


class TestWebhook:
    def test_payload_has_every_field_and_a_text(self, posts: Posts) -> None:
        WebhookChannel(url=posts.url, bearer_token=TOKEN).deliver(make_alert())
        (body,) = posts.bodies
        assert body["title"] == "daily_ingest (2026-03-01) failed"
        assert body["severity"] == "error"
        assert datetime.fromisoformat(body["since"]) == datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
        assert body["facts"] == {"rows quarantined": "12", "still served": "model 41"}
        assert body["links"]["run"] == "http://127.0.0.1:3000/runs/abc"
        assert body["event_key"] == "run-failure:abc"
        assert body["text"] == make_alert().plain_text()
        assert posts.headers[0]["Authorization"] == f"Bearer {TOKEN}"
        assert posts.headers[0]["Content-Type"] == "application/json"

    def test_no_authorization_without_a_token(self, posts: Posts) -> None:
        WebhookChannel(url=posts.url).deliver(make_alert())
        assert "Authorization" not in posts.headers[0]

    @pytest.mark.parametrize("status", [302, 400, 404, 500])
    def test_anything_but_2xx_is_an_error(self, posts: Posts, status: int) -> None:
        posts.status, posts.answer = status, b"try later"
        with pytest.raises(ChannelError, match=f"{HOST} answered {status}: try later"):
            WebhookChannel(url=posts.url).deliver(make_alert())
        assert posts.bodies == []

    def test_a_large_alert_is_cut_to_the_limit_and_says_so(self, posts: Posts) -> None:
        facts = {f"check {number}": "ü" * 100 for number in range(100)}
        WebhookChannel(url=posts.url, max_payload_bytes=8_000).deliver(make_alert(facts=facts))
        assert 6_000 < posts.sizes[0] <= 8_000
        shown = posts.bodies[0]["facts"]
        hidden = 100 - (len(shown) - 1)
        assert shown["not shown"] == f"{hidden} more; follow the links"
        assert list(shown)[:2] == ["check 0", "check 1"]

    @pytest.mark.parametrize("url", ["not a url", "ftp://x/y", "http://[broken", ""])
    def test_a_url_that_is_none_is_an_error_of_the_channel(self, url: str) -> None:
        with pytest.raises(ChannelError):
            WebhookChannel(url=url).deliver(make_alert())


class TestSecrets:
    def test_no_repr_shows_them(self) -> None:
        notifier = Notifier(
            email=email_to(587, security="starttls", username="alerts", password=PASSWORD),
            webhook=WebhookChannel(url="https://h.org/hooks/K3Y", bearer_token=TOKEN),
            ledger_path="alerts.sqlite",
        )
        shown = repr(notifier) + str(notifier) + repr(notifier.email) + repr(notifier.webhook)
        assert "alerts.sqlite" in shown
        for secret in (PASSWORD, TOKEN, "K3Y"):
            assert secret not in shown

    def test_no_error_and_no_log_shows_them(
        self, posts: Posts, caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        caplog.set_level(logging.DEBUG)
        path = "hooks/T000/K3Y"
        posts.status, posts.answer = 403, f"no {posts.url} /{path} with Bearer {TOKEN}".encode()
        notifier = Notifier(
            webhook=WebhookChannel(url=posts.url, bearer_token=TOKEN),
            ledger_path=str(tmp_path / "alerts.sqlite"),
        )
        with pytest.raises(AlertDeliveryError, match=r"answered 403: no \*\*\*") as caught:
            notifier.send(make_alert())
        posts.status = 200
        assert notifier.redeliver() == [make_alert().subject]
        stored = (tmp_path / "alerts.sqlite").read_bytes()
        seen = "".join(traceback.format_exception(caught.value)) + caplog.text
        for secret in (TOKEN, path):
            assert secret not in seen
            assert secret.encode() not in stored

    def test_a_token_no_header_can_carry_is_not_shown(self, posts: Posts) -> None:
        with pytest.raises(ChannelError, match="Illegal header value") as caught:
            WebhookChannel(url=posts.url, bearer_token="t0k\nen").deliver(make_alert())
        assert "t0k" not in str(caught.value)
        assert caught.value.__context__ is None

    def test_they_may_come_from_the_environment(
        self, posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALERT_HOOK", posts.url + "\n")
        monkeypatch.setenv("ALERT_TOKEN", TOKEN)
        notifier = Notifier(
            webhook=WebhookChannel(
                url=dg.EnvVar("ALERT_HOOK"), bearer_token=dg.EnvVar("ALERT_TOKEN")
            ),
            ledger_path=str(tmp_path / "alerts.sqlite"),
        )

        @dg.asset
        def sends(notifier: Notifier) -> None:
            notifier.send(make_alert())

        assert dg.materialize([sends], resources={"notifier": notifier}).success
        assert posts.headers[0]["Authorization"] == f"Bearer {TOKEN}"

    def test_they_are_marked_as_secret_for_the_ui(self) -> None:
        assert EmailChannel.to_fields_dict()["password"].is_secret
        assert WebhookChannel.to_fields_dict()["url"].is_secret
        assert WebhookChannel.to_fields_dict()["bearer_token"].is_secret
        assert not EmailChannel.to_fields_dict()["host"].is_secret


@pytest.fixture
def notifier(mailbox: Mailbox, posts: Posts, tmp_path: Path) -> Notifier:
    return Notifier(
        email=email_to(mailbox.port),
        webhook=WebhookChannel(url=posts.url),
        ledger_path=str(tmp_path / "state" / "alerts.sqlite"),
    )


class TestNotifier:
    def test_every_channel_gets_an_event_once(
        self, notifier: Notifier, mailbox: Mailbox, posts: Posts
    ) -> None:
        assert notifier.send(make_alert()) == ["email", "webhook"]
        assert notifier.send(make_alert(title="the same event, told again")) == []
        assert notifier.redeliver() == []
        assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)
        assert notifier.send(make_alert(event_key="another")) == ["email", "webhook"]

    def test_a_failed_channel_is_named_and_alone_gets_the_second_try(
        self, notifier: Notifier, mailbox: Mailbox, posts: Posts
    ) -> None:
        mailbox.refuse_with = "451 try again later"
        with pytest.raises(AlertDeliveryError, match=r"451.*try again later") as caught:
            notifier.send(make_alert())
        assert list(caught.value.failures) == ["email"]
        assert "webhook" not in str(caught.value)
        assert (len(mailbox.mails), len(posts.bodies)) == (0, 1)
        mailbox.refuse_with = None
        assert notifier.send(make_alert()) == ["email"]
        assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)

    def test_redelivery_sends_only_what_is_missing_and_fails_until_it_can(
        self, notifier: Notifier, mailbox: Mailbox, posts: Posts
    ) -> None:
        posts.status = 503
        for key in ("first", "second"):
            with pytest.raises(AlertDeliveryError, match=r"webhook: 127\.0\.0\.1 answered 503"):
                notifier.send(make_alert(event_key=key, title=key))
        with pytest.raises(AlertDeliveryError, match="webhook"):
            notifier.redeliver()
        posts.status = 200
        assert sorted(notifier.redeliver()) == ["[error] first", "[error] second"]
        assert notifier.redeliver() == []
        assert sorted(body["event_key"] for body in posts.bodies) == ["first", "second"]
        assert posts.bodies[0]["facts"] == make_alert().facts
        assert len(mailbox.mails) == 2

    def test_a_message_that_is_always_refused_holds_up_no_other(
        self, mailbox: Mailbox, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "alerts.sqlite")
        down = Notifier(email=email_to(free_port()), ledger_path=path)
        for key in ("poison", "later"):
            with pytest.raises(AlertDeliveryError):
                down.send(make_alert(event_key=key, title=key))
        mailbox.refuse_with = "554 no"
        up = Notifier(email=email_to(mailbox.port), ledger_path=path)
        with pytest.raises(AlertDeliveryError, match="554"):
            up.redeliver()
        mailbox.refuse_with = None
        assert up.redeliver() == ["[error] later", "[error] poison"]

    def test_both_channels_down_names_both(self, tmp_path: Path) -> None:
        port = free_port()
        notifier = Notifier(
            email=email_to(port),
            webhook=WebhookChannel(url=f"http://{HOST}:{port}/x"),
            ledger_path=str(tmp_path / "alerts.sqlite"),
        )
        with pytest.raises(AlertDeliveryError) as caught:
            notifier.send(make_alert())
        assert list(caught.value.failures) == ["email", "webhook"]
        assert f"no connection to {HOST}:{port} (plain)" in caught.value.failures["email"]
        assert "redeliver_alerts" in str(caught.value)

    @pytest.mark.parametrize("security", ["plain", "starttls", "ssl"])
    def test_a_server_that_never_answers_costs_the_time_limit(
        self, tmp_path: Path, security: str
    ) -> None:
        with silent_server() as port:
            notifier = Notifier(
                email=email_to(port, security=security, timeout_seconds=0.2),
                webhook=WebhookChannel(url=f"http://{HOST}:{port}/x", timeout_seconds=0.2),
                ledger_path=str(tmp_path / "alerts.sqlite"),
            )
            started = datetime.now(UTC)
            with pytest.raises(AlertDeliveryError) as caught:
                notifier.send(make_alert())
            assert datetime.now(UTC) - started < timedelta(seconds=3)
        assert "timed out" in caught.value.failures["email"]
        assert "Timeout" in caught.value.failures["webhook"]

    def test_without_channels_the_alert_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        assert Notifier().send(make_alert()) == []
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "No alert channel is configured" in record.getMessage()
        assert make_alert().plain_text() in record.getMessage()
        assert Notifier().redeliver() == []

    def test_channels_without_a_ledger_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="ledger_path"):
            Notifier(webhook=WebhookChannel(url="http://h/secret-hook"))

    def test_a_ledger_that_cannot_be_written_does_not_silence_an_alert(
        self, mailbox: Mailbox, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("not a folder", encoding="utf-8")
        notifier = Notifier(
            email=email_to(mailbox.port), ledger_path=str(tmp_path / "file" / "alerts.sqlite")
        )
        with pytest.raises(AlertDeliveryError) as caught:
            notifier.send(make_alert())
        assert list(caught.value.failures) == ["ledger"]
        assert len(mailbox.mails) == 1

    def test_many_senders_of_one_event_deliver_it_once(
        self, notifier: Notifier, mailbox: Mailbox, posts: Posts
    ) -> None:
        with ThreadPoolExecutor(8) as pool:
            sent = list(pool.map(lambda _: notifier.send(make_alert()), range(24)))
        assert sorted(name for names in sent for name in names) == ["email", "webhook"]
        assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)

    def test_a_sender_that_died_is_replaced_when_its_claim_runs_out(
        self, notifier: Notifier, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert notifier.ledger_path is not None
        ledger = ledger_module.DeliveryLedger(Path(notifier.ledger_path))
        ledger.admit(make_alert(), ["email"])
        assert ledger.claim("run-failure:abc", "email")
        assert notifier.redeliver() == []
        assert mailbox.mails == []
        monkeypatch.setattr(ledger_module, "CLAIM_SECONDS", -1.0)
        ledger.admit(make_alert(event_key="died"), ["email"])
        assert ledger.claim("died", "email")
        assert notifier.redeliver() == [make_alert().subject]

    def test_the_ledger_forgets_the_text_of_what_was_delivered(
        self, notifier: Notifier, posts: Posts
    ) -> None:
        posts.status = 500
        with pytest.raises(AlertDeliveryError):
            notifier.send(make_alert())
        assert notifier.ledger_path is not None
        with sqlite3.connect(notifier.ledger_path) as connection:
            rows = dict(connection.execute("SELECT channel, alert FROM deliveries"))
            mode = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()
        assert rows["email"] == ""
        assert Alert.model_validate_json(rows["webhook"]) == make_alert()
        assert mode == ("wal",)

    def test_links_point_to_the_run_and_the_runbook(self) -> None:
        assert Notifier().links("drift", "r1") == {"run": "http://127.0.0.1:3000/runs/r1"}
        custom = Notifier(ui_url="https://ui.example.org/", runbook_url="https://book.example.org")
        assert custom.links("drift", "r1", ["quarantine_ratings"]) == {
            "run": "https://ui.example.org/runs/r1",
            "runbook": "https://book.example.org#drift",
            "quarantine_ratings": "https://ui.example.org/assets/quarantine_ratings",
        }


class TestAlert:
    @given(st.text(st.characters(), max_size=3_000))
    def test_any_text_survives_cleaning_storing_and_rendering(self, text: str) -> None:
        alert = make_alert(title=text, what=text, cause=text, facts={text: text})
        assert Alert.model_validate_json(alert.model_dump_json()) == alert
        assert len(alert.subject.splitlines()) == 1
        assert len(alert.title) <= 200
        assert len(alert.cause) <= 2_000
        assert json.loads(alert.json_payload(24_000))["cause"] == alert.cause
        alert.html().encode("utf-8")

    def test_since_is_shown_in_utc_and_needs_a_zone(self) -> None:
        morning = datetime(2026, 3, 2, 5, 0, tzinfo=timezone(timedelta(hours=2)))
        assert make_alert(since=morning).since_text == "2026-03-02 03:00:00 UTC"
        with pytest.raises(ValidationError, match="timezone"):
            make_alert(since=datetime(2026, 3, 2))
