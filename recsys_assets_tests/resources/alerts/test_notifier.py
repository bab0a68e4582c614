"""Every event reaches every channel once, whatever fails on the way."""

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from recsys_assets.resources.alerts import (
    Alert,
    AlertDeliveryError,
    DeliveryLedger,
    Notifier,
    PagerDutyChannel,
    WebhookChannel,
)
from recsys_assets.resources.alerts import ledger as ledger_module
from recsys_assets.resources.alerts.rendering import plain_text
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Mailbox,
    Posts,
    free_port,
    silent_server,
)
from recsys_assets_tests.resources.alerts.making import (
    email_to,
    make_alert,
)


def test_every_channel_gets_an_event_once(
    notifier: Notifier, mailbox: Mailbox, posts: Posts
) -> None:
    assert notifier.send(make_alert()) == ["email", "webhook"]
    assert notifier.send(make_alert(title="the same event, told again")) == []
    assert notifier.redeliver() == []
    assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)
    assert notifier.send(make_alert(event_key="another")) == ["email", "webhook"]


def test_a_failed_channel_is_named_and_alone_gets_the_second_try(
    notifier: Notifier, mailbox: Mailbox, posts: Posts
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
    notifier: Notifier, mailbox: Mailbox, posts: Posts
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
    mailbox: Mailbox, tmp_path: Path
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


def test_what_waits_for_a_channel_that_was_taken_away_goes_to_the_others(
    posts: Posts, tmp_path: Path
) -> None:
    """It waited for ever, and whoever sent the event again failed."""
    ledger = DeliveryLedger(tmp_path / "alerts.sqlite")
    begun, over = make_alert(event_key="begun", subjects=("step:a",)), make_alert().since
    alone = make_alert(title="still", event_key="still", subjects=("step:b",))
    mail = Notifier(email=email_to(free_port()), ledger_path=str(ledger.path))
    for alert in (begun, alone):
        with pytest.raises(AlertDeliveryError, match="no connection"):
            mail.send(alert)
    pager = PagerDutyChannel(routing_key="key", url=posts.url)
    instead = Notifier(pagerduty=pager, ledger_path=str(ledger.path))
    assert instead.send(alone) == []
    assert instead.mend({"step:a": over + timedelta(hours=1)}) == []
    assert len(instead.redeliver()) == 2 and len(instead.redeliver()) == 1
    events = [(body["event_action"], body["dedup_key"]) for body in posts.bodies]
    assert sorted(events) == [("resolve", "begun"), ("trigger", "begun"), ("trigger", "still")]
    assert events[-1] == ("resolve", "begun"), "the end waits for its beginning"
    assert ledger.waiting_targets() == []


def test_both_channels_down_names_both(tmp_path: Path) -> None:
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
def test_a_server_that_never_answers_costs_the_time_limit(tmp_path: Path, security: str) -> None:
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


def test_without_channels_the_alert_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert Notifier().send(make_alert()) == []
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "No alert channel is configured" in record.getMessage()
    assert plain_text(make_alert()) in record.getMessage()
    assert Notifier().redeliver() == []


def test_without_channels_a_trouble_is_open_until_it_is_over_and_news_to_the_first_channel(
    posts: Posts, tmp_path: Path
) -> None:
    ledger = DeliveryLedger(tmp_path / "alerts.sqlite")
    deaf = Notifier(ledger_path=str(ledger.path))
    alert = make_alert(subjects=("step:ratings",))
    for event in ("one", "two", "two"):
        assert deaf.send(alert.model_copy(update={"event_key": event})) == []
    assert [row["repeats"] for row in ledger.open_incidents()] == [1]
    assert deaf.mend({"step:ratings": alert.since + timedelta(hours=1)}) == []
    assert ledger.open_incidents() == []

    later = alert.since + timedelta(hours=2)
    again = alert.model_copy(update={"event_key": "three", "since": later})
    deaf.send(again)
    heard = Notifier(webhook=WebhookChannel(url=posts.url), ledger_path=str(ledger.path))
    for _ in range(2):
        heard.send(again)
    heard.mend({"step:ratings": later + timedelta(hours=1)})
    assert [body["resolved"] for body in posts.bodies] == [False, True]
    assert "repeated" not in posts.bodies[0]["facts"]


def test_channels_without_a_ledger_are_refused() -> None:
    with pytest.raises(ValidationError, match="ledger_path"):
        Notifier(webhook=WebhookChannel(url="http://h/secret-hook"))


def test_a_ledger_that_cannot_be_written_does_not_silence_an_alert(
    mailbox: Mailbox, tmp_path: Path
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
    notifier: Notifier, mailbox: Mailbox, posts: Posts
) -> None:
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: notifier.send(make_alert()), range(24)))
    assert sorted(name for names in sent for name in names) == ["email", "webhook"]
    assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)


def test_a_sender_that_died_is_replaced_when_its_claim_runs_out(
    notifier: Notifier, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
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
    notifier: Notifier, posts: Posts
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


def test_links_point_to_the_run_and_the_runbook() -> None:
    assert Notifier().links("drift", "r1") == {"run": "http://127.0.0.1:3000/runs/r1"}
    custom = Notifier(ui_url="https://ui.example.org/", runbook_url="https://book.example.org")
    assert custom.links("drift", "r1", ["quarantine_ratings"]) == {
        "run": "https://ui.example.org/runs/r1",
        "runbook": "https://book.example.org#drift",
        "quarantine_ratings": "https://ui.example.org/assets/quarantine_ratings",
    }
