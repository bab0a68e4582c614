"""Order and identity of what a channel gets after an outage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recsys_assets.resources.alerts import (
    AlertDeliveryError,
    DeliveryLedger,
    Notifier,
    PagerDutyChannel,
)
from recsys_assets_tests.resources.alert_servers import Posts
from recsys_assets_tests.resources.alerts.making import make_alert

LATER = datetime(2026, 3, 2, 4, tzinfo=UTC)


def pager(posts: Posts, folder: Path) -> Notifier:
    channel = PagerDutyChannel(routing_key="k", url=posts.url)
    return Notifier(pagerduty=channel, ledger_path=str(folder / "alerts.sqlite"))


def events(posts: Posts) -> list[tuple[str, str]]:
    return [(body["event_action"], body["dedup_key"]) for body in posts.bodies]


@pytest.mark.parametrize("back_before_the_end", [False, True])
def test_the_end_of_a_trouble_never_overtakes_its_beginning(
    posts: Posts, tmp_path: Path, back_before_the_end: bool
) -> None:
    notifier = pager(posts, tmp_path)
    posts.status = 503
    with pytest.raises(AlertDeliveryError):
        notifier.send(make_alert(subjects=("step:a",)))
    with pytest.raises(AlertDeliveryError):
        notifier.redeliver()
    posts.status = 202 if back_before_the_end else 503
    notifier.mend({"step:a": LATER})
    posts.status = 202
    notifier.redeliver()
    notifier.redeliver()
    assert events(posts) == [("trigger", "run-failure:abc"), ("resolve", "run-failure:abc")]


def test_a_repeat_sent_again_belongs_to_its_trouble(posts: Posts, tmp_path: Path) -> None:
    notifier = pager(posts, tmp_path)
    notifier.send(make_alert(subjects=("location:x",), event_key="location:x:01"))
    again = make_alert(subjects=("location:x",), event_key="location:x:02")
    posts.status = 503
    with pytest.raises(AlertDeliveryError):
        notifier.send(again)
    posts.status = 202
    notifier.send(again)
    assert {key for _, key in events(posts)} == {"location:x:01"}


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 minutes"), (1, "1 minute"), (119, "119 minutes"), (200, "3 hours"), (4_400, "3 days")],
)
def test_the_end_says_how_long_a_trouble_lasted(tmp_path: Path, minutes: int, said: str) -> None:
    ledger = DeliveryLedger(tmp_path / "alerts.sqlite")
    ledger.admit(make_alert(subjects=("step:a",)), ["email"])
    end = make_alert().since + timedelta(minutes=minutes, seconds=1)
    [told] = ledger.mend({"step:a": end})
    assert f"It lasted {said}, it happened once." in told.what


def test_a_clock_that_was_set_back_ends_no_trouble_and_keeps_none_open(tmp_path: Path) -> None:
    ledger, now = DeliveryLedger(tmp_path / "alerts.sqlite"), datetime.now(UTC)
    ahead = now + timedelta(days=1)
    ledger.mend({"step:a": ahead})
    ledger.admit(make_alert(subjects=("step:b",), since=ahead, event_key="b"), ["email"])
    told = ledger.admit(make_alert(subjects=("step:a",), since=now, event_key="a"), ["email"])
    assert [alert.event_key for alert in told] == ["a"]
    soon = datetime.now(UTC) + timedelta(seconds=1)
    ended = ledger.mend({"step:a": soon, "step:b": soon})
    assert sorted(alert.event_key for alert in ended) == ["recovered:a", "recovered:b"]
