"""Who is told of what: routes from owners, kinds and severity to channels."""

from collections.abc import Collection, Sequence

import dagster as dg
from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from recsys_assets.resources.alerts.channels import Channel
from recsys_assets.resources.alerts.mail import EmailChannel, check_recipients
from recsys_assets.resources.alerts.message import Alert, Severity
from recsys_assets.resources.alerts.remedies import REMEDIES

KINDS = (*REMEDIES, "published")
"""Kinds of alerts: sections of the runbook."""


class Route(dg.Config):
    """Alerts of some owners, kinds and severity go to some channels."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    owners: list[str] = Field(default_factory=list)
    """Owners as assets name them, e.g. team:recsys; empty for all."""
    kinds: list[str] = Field(default_factory=list)
    """Kinds of alerts, as the runbook's sections are called; empty for all."""
    at_least: Severity = Severity.INFO
    """Least urgent alert that goes this way."""
    channels: list[str]
    """Names of channels: email, webhook, teams, slack, pagerduty."""
    recipients: list[str] = Field(default_factory=list)
    """Mail addresses that stand in for those of the channel."""

    @field_validator("owners", "kinds")
    @classmethod
    def _can_be_met(cls, names: list[str], field: ValidationInfo) -> list[str]:
        """A name that no alert bears would leave those whom the route leads to untold."""
        for name in names:
            if field.field_name == "kinds" and name not in KINDS:
                raise ValueError(f"{name!r} is no section of the runbook: {', '.join(KINDS)}")
            if field.field_name == "owners" and not name.startswith("team:") and "@" not in name:
                raise ValueError(f"{name!r} is no owner: write team:NAME, or a mail address")
        return names

    @field_validator("recipients")
    @classmethod
    def _each_is_one_address(cls, recipients: list[str]) -> list[str]:
        check_recipients(recipients)
        return recipients

    def takes(self, alert: Alert) -> bool:
        """Whether an alert goes this way."""
        return (
            alert.severity.reaches(self.at_least)
            and (not self.owners or bool(set(self.owners) & set(alert.owners)))
            and (not self.kinds or alert.kind in self.kinds)
        )

    def targets(self) -> list[str]:
        """Names of where it leads: a channel, or email with its recipients."""
        to = f":{','.join(self.recipients)}" if self.recipients else ""
        return [name + (to if name == EmailChannel.name else "") for name in self.channels]


def targets_of(alert: Alert, channels: Collection[Channel], routes: Sequence[Route]) -> list[str]:
    """Where an alert goes, each target once.

    An alert that no route takes goes to every channel that wants its severity: a gap in the routes
    must not swallow it.
    """
    known = {channel.name for channel in channels}
    chosen = [target for route in routes if route.takes(alert) for target in route.targets()]
    if not chosen:
        chosen = [c.name for c in channels if alert.severity.reaches(c.at_least)]
    return [t for t in dict.fromkeys(chosen) if channel_name(t) in known]


def channel_name(target: str) -> str:
    """Name of the channel that a target is reached by."""
    return target.partition(":")[0]


def channel_for(target: str, channels: Collection[Channel]) -> Channel | None:
    """The channel of a target, pointed at its recipients; None where it is not configured."""
    name, _, recipients = target.partition(":")
    channel = next((c for c in channels if c.name == name), None)
    if isinstance(channel, EmailChannel) and recipients:
        return channel.to(recipients.split(","))
    return channel
