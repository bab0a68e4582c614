"""Commands of whoever is on call, against real servers and a real home."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.home import Home
from recsys_assets.resources.alerts import Alert, DeliveryLedger, Severity, WebhookChannel
from recsys_assets.resources.alerts.channels import ChannelError
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.resources.alert_servers import webhook_server


def alert() -> Alert:
    return Alert(
        title="publish failed",
        what="Failed: top_k.",
        severity=Severity.ERROR,
        since=datetime(2026, 3, 2, 3, 4, tzinfo=UTC),
        cause="OSError: [Errno 28] No space left on device",
        event_key="run-failure:abc",
        kind="disk-full",
        subjects=("step:top_k",),
    )


def test_open_troubles_are_listed_until_they_are_over(recsys: Recsys, home: Home) -> None:
    assert "no trouble is open" in recsys("incidents").stdout
    ledger = DeliveryLedger(home.alerts)
    ledger.admit(alert(), ["webhook"])
    (row,) = json.loads(recsys("incidents", "--json").stdout)
    assert (row["runbook"], row["repeats"], row["subjects"]) == ("disk-full", 0, ["step:top_k"])
    assert "disk-full" in recsys("incidents").stdout
    ledger.mend({"step:top_k": datetime(2026, 3, 2, 4, tzinfo=UTC)})
    assert json.loads(recsys("incidents", "--json").stdout) == []


def test_what_waits_is_sent_at_once(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing waits" in recsys("redeliver").stdout
    DeliveryLedger(home.alerts).admit(alert(), ["webhook"])
    assert "no alert channel is set" in recsys("redeliver").stdout
    with webhook_server() as posts:
        monkeypatch.setenv("RECSYS_WEBHOOK_URL", posts.url)
        posts.status = 503
        failed = " ".join(recsys("redeliver", code=1).stdout.split())
        assert "answered 503" in failed
        posts.status = 200
        assert "delivered: [error] publish failed" in recsys("redeliver").stdout
        assert "nothing waits" in recsys("redeliver").stdout
        assert [body["kind"] for body in posts.bodies] == ["disk-full"]


def test_what_a_server_answers_is_shown_as_it_is(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ChannelError("mail answered: 550 [/see] our policy")

    monkeypatch.setenv("RECSYS_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    monkeypatch.setattr(WebhookChannel, "deliver", refuse)
    DeliveryLedger(home.alerts).admit(alert(), ["webhook"])
    assert "550 [/see] our policy" in " ".join(recsys("redeliver", code=1).stdout.split())


def test_health_names_dead_daemons_and_tells_them_once(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook_server() as posts:
        monkeypatch.setenv("RECSYS_WEBHOOK_URL", posts.url)
        for _ in range(2):
            said = json.loads(recsys("health", "--no-location", "--json", "--tell", code=1).stdout)
        assert not said["healthy"]
        assert {problem["runbook"] for problem in said["problems"]} == {"daemon-dead"}
        (body,) = posts.bodies  # one process runs them all
        assert (
            body["title"] == "Dagster's daemon is dead" and "scheduler" in body["facts"]["silent"]
        )


def test_a_channel_that_cannot_be_reached_spoils_no_json(
    recsys: Recsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook_server() as posts:
        monkeypatch.setenv("RECSYS_WEBHOOK_URL", posts.url)
        posts.status = 503
        said = recsys("health", "--no-location", "--json", "--tell", code=1)
    assert not json.loads(said.stdout)["healthy"]
    assert "answered 503" in " ".join(said.stderr.split())


def test_records_that_cannot_be_read_are_told_too(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: neither Dagster's databases nor the ledger can be opened."""

    def no_room(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(dg.DagsterInstance, "get", no_room)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    with webhook_server() as posts:
        monkeypatch.setenv("RECSYS_WEBHOOK_URL", posts.url)
        home.alerts.mkdir()  # no ledger either
        said = " ".join(recsys("health", "--no-location", "--tell", code=1).output.split())
        assert "Dagster's records cannot be read" in said
        (body,) = posts.bodies
        assert body["kind"] == "disk-full" and "recsys tidy" in body["text"]


def test_a_ledger_that_cannot_be_opened_is_named(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYS_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    home.alerts.write_bytes(b"no database" * 100)
    for command in ("redeliver", "incidents"):
        said = " ".join(recsys(command, code=1).output.split())
        assert "file is not a database" in said and "move it away" in said
        assert "settings of the channel" not in said


def test_subscribers_come_and_go(recsys: Recsys, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("user,address\n1,a@example.org\n2,b@example.org\n3,nobody\n")
    said = recsys("subscribers", "import", people).stdout
    assert "2 subscribers added" in said and "1 lines set apart" in said
    recsys("subscribers", "unsubscribe", 1)
    recsys("subscribers", "bounced", 2, "--reason", "mailbox full")
    rows = json.loads(recsys("subscribers", "list", "--json").stdout)
    assert [(r["user"], r["state"], r["reason"]) for r in rows] == [
        (1, "unsubscribed", "by their own wish"),
        (2, "bounced", "mailbox full"),
    ]
    assert "0 subscribers added" in recsys("subscribers", "import", people).stdout
    recsys("subscribers", "bounced", 9, code=2)
    assert "no mail address" in recsys("subscribers", "subscribe", 1, "ann", code=2).output
    assert "2147483647" in recsys("subscribers", "subscribe", 2**31, "a@x.org", code=2).output
    recsys("subscribers", "subscribe", 1, "new@example.org")
    back = json.loads(recsys("subscribers", "list", "--json").stdout)[0]
    assert (back["address"], back["state"]) == ("new@example.org", "subscribed")
