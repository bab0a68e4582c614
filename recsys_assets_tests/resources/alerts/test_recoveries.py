"""Ends of troubles: told at once, but for those that come and go."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recsys_assets.resources.alerts import Alert, DeliveryLedger
from recsys_assets.resources.alerts.message import RECOVERED
from recsys_assets_tests.resources.alerts.making import make_alert

MINUTE = 60.0


def test_what_breaks_again_within_the_hour_of_its_event_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`recsys incidents` listed nothing, and nobody was told, until the hour had passed."""
    ledger, clock = DeliveryLedger(tmp_path / "alerts.sqlite"), time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    told: list[str] = []
    for is_broken in (True, True, False, True, True, False, True):
        at = datetime.fromtimestamp(clock, UTC)
        alert = make_alert(title="x", subjects=("location:x",), since=at, event_key="x:T10")
        found = ledger.admit(alert, ["email"]) if is_broken else ledger.mend({"location:x": at})
        told.extend(message.title for message in found)
        assert len(ledger.open_incidents()) == is_broken
        clock += 5 * MINUTE
    assert told == ["x", f"{RECOVERED}x", "x", f"{RECOVERED}x", "x"]


def test_who_had_not_heard_of_a_trouble_is_told_when_others_have_heard_enough(
    tmp_path: Path,
) -> None:
    """A check that warned three times and then fails for good woke nobody for six hours."""
    ledger = DeliveryLedger(tmp_path / "alerts.sqlite")
    targets = [["email"]] * 5 + [["email", "pagerduty"]] * 2
    for number, concerned in enumerate(targets):
        ledger.admit(make_alert(event_key=str(number), subjects=("check:x",)), concerned)
    assert [alert.event_key for alert in ledger.waiting("email", 9)] == ["0", "1", "2"]
    assert [alert.event_key for alert in ledger.waiting("pagerduty", 9)] == ["5"]


def test_what_comes_and_goes_is_told_three_times_then_its_end_after_an_hour_of_calm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, clock = DeliveryLedger(tmp_path / "alerts.sqlite"), time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    messages: list[Alert] = []

    def fails(number: int) -> None:
        key = f"tick:x:{number}"
        since = datetime.fromtimestamp(clock, UTC)
        alert = make_alert(title="x", subjects=("tick:x",), since=since, event_key=key)
        messages.extend(ledger.admit(alert, ["email"]))

    def works() -> None:
        messages.extend(ledger.mend({"tick:x": datetime.fromtimestamp(clock, UTC)}))

    for number in range(30):
        fails(number)
        clock += MINUTE
        works()
        clock += MINUTE
    titles = [message.title for message in messages]
    assert titles == ["x", f"{RECOVERED}x"] * 3 + ["x"] * 3
    assert "its next end is told once it has worked for 60 minutes" in str(messages[6].facts)
    assert [open_one["title"] for open_one in ledger.open_incidents()] == ["x"]
    for _ in range(60):
        works()
        clock += MINUTE
    assert [message.title for message in messages[9:]] == [f"{RECOVERED}x"]
    assert "it happened 27 times" in messages[9].what
    assert ledger.open_incidents() == []
    clock += 7 * 60 * MINUTE
    fails(31)
    clock += MINUTE
    works()
    assert [message.title for message in messages[10:]] == ["x", f"{RECOVERED}x"]
