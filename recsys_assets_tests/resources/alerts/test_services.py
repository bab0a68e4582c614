"""Teams, Slack and PagerDuty: what arrives on loopback, and what cannot be injected."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recsys_assets.resources.alerts import (
    Alert,
    AlertDeliveryError,
    EmailChannel,
    Notifier,
    PagerDutyChannel,
    Route,
    Severity,
    SlackChannel,
    TeamsChannel,
)
from recsys_assets.resources.alerts.channels import Channel
from recsys_assets_tests.resources.alert_servers import Posts
from recsys_assets_tests.resources.alerts.making import make_alert

KEY = "r0uting-K3y"


def alert(**changes: Any) -> Alert:
    fields = {
        "title": "publish failed",
        "what": "Failed: top_k.",
        "cause": "OSError: [Errno 28] No space left on device",
        "facts": {"still served": "top_k of 2026-03-01"},
        "links": {"run": "https://ui.example.org/runs/abc"},
        "kind": "disk-full",
        "owners": ("team:recsys",),
        "subjects": ("step:top_k",),
    }
    return make_alert(**(fields | changes))


def notifier(folder: Path, **channels: Any) -> Notifier:
    return Notifier(ledger_path=str(folder / "alerts.sqlite"), **channels)


class TestTeams:
    def test_a_card_with_facts_and_buttons(self, posts: Posts) -> None:
        TeamsChannel(url=posts.url).deliver(alert())
        (attachment,) = posts.bodies[0]["attachments"]
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        card = attachment["content"]
        assert card["type"] == "AdaptiveCard"
        assert card["body"][0]["text"] == r"\[error\] publish failed"
        assert card["body"][0]["color"] == "attention"
        assert {"title": "still served", "value": r"top\_k of 2026\-03\-01"} in card["body"][3][
            "facts"
        ]
        assert card["actions"] == [
            {"type": "Action.OpenUrl", "title": "run", "url": "https://ui.example.org/runs/abc"}
        ]

    def test_what_is_over_is_green(self, posts: Posts) -> None:
        TeamsChannel(url=posts.url).deliver(alert(resolved=True))
        assert posts.bodies[0]["attachments"][0]["content"]["body"][0]["color"] == "good"

    def test_no_link_can_be_smuggled_in(self, posts: Posts) -> None:
        evil = alert(cause="[click](https://evil.example) **now**", links={"x": "javascript:1"})
        TeamsChannel(url=posts.url).deliver(evil)
        card = posts.bodies[0]["attachments"][0]["content"]
        assert card["body"][2]["text"] == r"\[click\]\(https://evil.example\) \*\*now\*\*"
        assert card["actions"] == []


class TestSlack:
    def test_header_sections_and_links(self, posts: Posts) -> None:
        SlackChannel(url=posts.url).deliver(alert())
        blocks = posts.bodies[0]["blocks"]
        assert blocks[0]["text"] == {"type": "plain_text", "text": "[error] publish failed"}
        assert "No space left on device" in blocks[2]["text"]["text"]
        assert blocks[-1]["text"]["text"] == "<https://ui.example.org/runs/abc|run>"

    def test_nobody_can_be_called_by_a_file_name(self, posts: Posts) -> None:
        SlackChannel(url=posts.url).deliver(alert(title="<!channel> <@U1> free"))
        text = json.dumps(posts.bodies[0])
        assert "<!channel>" not in posts.bodies[0]["text"]
        assert "&lt;!channel&gt;" in text

    def test_limits_of_the_service_are_kept(self, posts: Posts) -> None:
        long = alert(title="t" * 190, facts={f"fact {n}": "x" * 400 for n in range(50)})
        SlackChannel(url=posts.url).deliver(long)
        blocks = posts.bodies[0]["blocks"]
        assert len(blocks[0]["text"]["text"]) <= 150
        assert all(len(block["text"]["text"]) <= 3000 for block in blocks)


class TestPagerDuty:
    def test_a_trouble_opens_one_incident_and_its_end_resolves_it(
        self, posts: Posts, tmp_path: Path
    ) -> None:
        pager = notifier(tmp_path, pagerduty=PagerDutyChannel(routing_key=KEY, url=posts.url))
        pager.send(alert())
        pager.send(alert(event_key="run-failure:def"))
        pager.mend({"step:top_k": datetime(2026, 3, 2, 4, tzinfo=UTC)})
        events = [(body["event_action"], body["dedup_key"]) for body in posts.bodies]
        assert events == [("trigger", "run-failure:abc")] * 2 + [("resolve", "run-failure:abc")]
        payload = posts.bodies[0]["payload"]
        assert payload["severity"] == "error"
        assert payload["class"] == "disk-full"
        assert payload["custom_details"]["still served"] == "top_k of 2026-03-01"
        assert posts.bodies[0]["routing_key"] == KEY

    def test_a_warning_wakes_nobody(self, posts: Posts, tmp_path: Path) -> None:
        pager = notifier(tmp_path, pagerduty=PagerDutyChannel(routing_key=KEY, url=posts.url))
        assert pager.send(alert(severity=Severity.WARNING)) == []
        assert posts.bodies == []

    def test_the_key_is_in_no_error(self, posts: Posts, tmp_path: Path) -> None:
        posts.status, posts.answer = 400, f"bad routing_key {KEY}".encode()
        pager = notifier(tmp_path, pagerduty=PagerDutyChannel(routing_key=KEY, url=posts.url))
        with pytest.raises(AlertDeliveryError, match=r"bad routing_key \*\*\*"):
            pager.send(alert())
        assert KEY not in repr(pager)
        posts.status = 202
        assert pager.redeliver() == ["[error] publish failed"]


class TestRoutes:
    def test_an_alert_that_no_route_takes_goes_everywhere(
        self, posts: Posts, tmp_path: Path
    ) -> None:
        routes = [Route(owners=["team:other"], channels=["teams"])]
        both = notifier(
            tmp_path,
            teams=TeamsChannel(url=posts.url),
            slack=SlackChannel(url=posts.url),
            routes=routes,
        )
        assert both.send(alert()) == ["slack", "teams"]
        assert both.send(alert(event_key="x", owners=("team:other",))) == ["teams"]

    def test_by_kind_and_severity(self, posts: Posts, tmp_path: Path) -> None:
        routes = [
            Route(kinds=["drift"], channels=["slack"]),
            Route(at_least=Severity.ERROR, channels=["teams"]),
        ]
        both = notifier(
            tmp_path,
            teams=TeamsChannel(url=posts.url),
            slack=SlackChannel(url=posts.url),
            routes=routes,
        )
        drift = alert(kind="drift", severity=Severity.WARNING, event_key="d", subjects=())
        assert both.send(drift) == ["slack"]
        assert both.send(alert()) == ["teams"]

    def test_a_route_to_nowhere_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="leads to pagerduty"):
            Notifier(routes=[Route(channels=["pagerduty"])])


def test_every_channel_has_a_time_limit_and_hides_its_secrets() -> None:
    channels: list[Channel] = [
        TeamsChannel(url="https://h.org/S3cret"),
        SlackChannel(url="https://h.org/S3cret"),
        PagerDutyChannel(routing_key="S3cret"),
        EmailChannel(host="h", sender="a@x.org", recipients=["b@x.org"]),
    ]
    assert all(channel.timeout_seconds == 10.0 for channel in channels)
    assert "S3cret" not in "".join(map(repr, channels))
