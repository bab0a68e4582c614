"""Channels of well-known services: Teams, Slack and PagerDuty, each in its own JSON.

Texts from exceptions and files are untrusted: what the service would read as markup, a link or a
mention of people is taken apart first.
"""

import re
from typing import Any, ClassVar

from recsys_assets.resources.alerts.connection import Secret
from recsys_assets.resources.alerts.hooks import HookChannel
from recsys_assets.resources.alerts.message import Alert, Severity, shorten

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")
_COLOURS = {Severity.INFO: "accent", Severity.WARNING: "warning", Severity.ERROR: "attention"}
_MAX_TEXT = 1_500
_MAX_SLACK_SECTION = 2_900


class TeamsChannel(HookChannel):
    """An Adaptive Card posted to the webhook of a Teams workflow."""

    name: ClassVar[str] = "teams"

    url: Secret
    """Address of the workflow "post to a channel when a webhook request is received"."""

    def render(self, alert: Alert) -> dict[str, Any]:
        """The message that a workflow posts: one card, a button per link."""
        colour = "good" if alert.resolved else _COLOURS[alert.severity]
        facts = {"since": alert.since_text, **_mending(alert), **alert.facts}
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                _text_block(alert.subject, weight="bolder", size="medium", color=colour),
                *(_text_block(text) for text in (alert.what, alert.cause) if text),
                {
                    "type": "FactSet",
                    "facts": [{"title": _plain(k), "value": _plain(v)} for k, v in facts.items()],
                },
            ],
            "actions": [
                {"type": "Action.OpenUrl", "title": name, "url": url}
                for name, url in alert.links.items()
                if url.startswith(("https://", "http://"))
            ],
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        return {"type": "message", "attachments": [attachment]}


def _mending(alert: Alert) -> dict[str, str]:
    return {"to mend it": str(alert.remedy)} if alert.remedy else {}


def _text_block(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **style}


def _plain(text: str) -> str:
    """Text that a card shows as it is: cards read Markdown."""
    return _MARKDOWN.sub(r"\\\1", shorten(text, _MAX_TEXT))


class SlackChannel(HookChannel):
    """Blocks posted to an incoming webhook of Slack."""

    name: ClassVar[str] = "slack"

    url: Secret
    """Address of the incoming webhook."""

    def render(self, alert: Alert) -> dict[str, Any]:
        """A header, what happened, the facts and the links."""
        # Plain text shows no markup, but a mention like <!channel> has to be taken apart even so.
        facts = [f"{name}: {value}" for name, value in (_mending(alert) | alert.facts).items()]
        links = [
            f"<{_escaped(url)}|{_escaped(name)}>"
            for name, url in alert.links.items()
            if url.startswith(("https://", "http://")) and "|" not in url
        ]
        texts = [
            alert.what,
            f"Since {alert.since_text}\n{alert.cause}".strip(),
            "\n".join(facts),
        ]
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": {"type": "plain_text", "text": shorten(alert.subject, 150)}}
        ]
        blocks += [
            {
                "type": "section",
                "text": {"type": "plain_text", "text": shorten(_escaped(text), _MAX_SLACK_SECTION)},
            }
            for text in texts
            if text
        ]
        if links:
            text = shorten("  ".join(links), _MAX_SLACK_SECTION)
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
        return {"text": _escaped(alert.subject), "blocks": blocks}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class PagerDutyChannel(HookChannel):
    """Events v2: the first alert about a trouble opens an incident, the recovery resolves it."""

    name: ClassVar[str] = "pagerduty"

    routing_key: Secret
    """Integration key of the service."""
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """Where events go."""
    at_least: Severity = Severity.ERROR
    """Nobody is woken for less where no route says otherwise."""
    max_payload_bytes: int = 500_000
    """PagerDuty takes 512 kB."""

    def render(self, alert: Alert) -> dict[str, Any]:
        """A trigger or a resolve with the incident's key."""
        event: dict[str, Any] = {
            "routing_key": self.routing_key,
            "event_action": "resolve" if alert.resolved else "trigger",
            "dedup_key": shorten(alert.incident or alert.event_key, 255),
        }
        if alert.resolved:
            return event
        return event | {
            "payload": {
                "summary": shorten(alert.subject, 1024),
                "source": "recsys_assets",
                "severity": alert.severity.value,
                "timestamp": alert.since.isoformat(),
                "class": alert.kind,
                "component": ", ".join(alert.subjects)[:1000],
                "custom_details": {
                    "what": alert.what,
                    "cause": alert.cause,
                    **_mending(alert),
                    **alert.facts,
                },
            },
            "links": [{"href": url, "text": name} for name, url in alert.links.items()],
        }

    def _secrets(self) -> list[str]:
        return [self.routing_key]
