"""The notifier: the one way by which the platform tells people that something is wrong.

`Alert` -> ledger -> the targets that routes choose. What a target could not take waits in the
ledger until `redeliver` succeeds; what it took it does not get again. Repeats of a trouble are
counted, and its end is told once.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from recsys_assets.resources.alerts import unrecorded
from recsys_assets.resources.alerts.channels import (
    LEDGER,
    AlertDeliveryError,
    Channel,
    ChannelError,
)
from recsys_assets.resources.alerts.hooks import WebhookChannel
from recsys_assets.resources.alerts.ledger import DeliveryLedger
from recsys_assets.resources.alerts.mail import EmailChannel
from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.alerts.rendering import plain_text
from recsys_assets.resources.alerts.routing import (
    Route,
    channel_for,
    channel_name,
    targets_of,
)
from recsys_assets.resources.alerts.services import PagerDutyChannel, SlackChannel, TeamsChannel
from recsys_assets.resources.azure.secrets import SecretError, reveal_all

logger = logging.getLogger(__name__)


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Sends alerts where they belong, each event once per target."""

    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    email: EmailChannel | None = None
    """Settings of the e-mail channel; no mail if not given."""
    webhook: WebhookChannel | None = None
    """Settings of the webhook channel; no post if not given."""
    teams: TeamsChannel | None = None
    """Settings of the Teams channel; no card if not given."""
    slack: SlackChannel | None = None
    """Settings of the Slack channel; no message if not given."""
    pagerduty: PagerDutyChannel | None = None
    """Settings of the PagerDuty channel; nobody is woken if not given."""
    routes: list[Route] = Field(default_factory=list)
    """Who is told of what; every channel of everything it wants if empty."""
    ledger_path: str | None = None
    """SQLite file of the delivery ledger, on a disk or share that outlives the process; needed as
    soon as there is a channel. Open troubles are kept in it without one, too."""
    ui_url: str = "http://127.0.0.1:3000"
    """Where people open the Dagster UI; the base of the links to runs."""
    runbook_url: str | None = None
    """Where people find the runbook; no such link if not given."""

    @model_validator(mode="after")
    def _channels_have_a_ledger(self) -> Self:
        if self.channels and not self.ledger_path:
            raise ValueError("an alert channel is configured without ledger_path: set it to a file")
        return self

    @field_validator("routes")
    @classmethod
    def _routes_lead_to_channels(cls, routes: list[Route], others: ValidationInfo) -> list[Route]:
        channels = [held for held in others.data.values() if isinstance(held, Channel)]
        known = {channel.name for channel in channels}
        for route in routes:
            if unknown := set(route.channels) - known:
                raise ValueError(
                    f"a route leads to {', '.join(sorted(unknown))}, which is not configured; "
                    f"there is: {', '.join(sorted(known)) or 'no channel'}"
                )
        return routes

    @property
    def channels(self) -> list[Channel]:
        """The configured channels."""
        every = (self.email, self.webhook, self.teams, self.slack, self.pagerduty)
        return [channel for channel in every if channel is not None]

    def links(self, kind: str, run_id: str = "", assets: Sequence[str] = ()) -> dict[str, str]:
        """Build the links of an alert: the run, the section of the runbook, pages of assets."""
        ui = self.ui_url.rstrip("/")
        links = {"run": f"{ui}/runs/{run_id}"} if run_id else {}
        if self.runbook_url:
            links["runbook"] = f"{self.runbook_url}#{kind}"
        return links | {asset: f"{ui}/assets/{asset}" for asset in assets}

    def send(self, alert: Alert) -> list[str]:
        """Deliver an alert to every target that does not have this event yet.

        Every target is tried even if another fails, and even if the ledger cannot be written:
        a full disk is a likely reason for an alert, and must not silence it.

        Returns:
            Names of the targets that took the alert in this call; none if it was only counted.

        Raises:
            AlertDeliveryError: names each target that failed, and why.
        """
        if not self.channels:
            logger.warning("No alert channel is configured, nobody is told:\n%s", plain_text(alert))
            if self.ledger_path is None:
                return []
        failures: dict[str, str] = {}
        targets = self._targets(alert)
        try:
            told = [known.event_key for known in self._ledger().admit(alert, targets)]
            owed = [
                (key, target)
                for key in dict.fromkeys([alert.event_key, *told])
                for target in self._ledger().targets(key)
            ]
        except (OSError, sqlite3.Error) as error:
            failures[LEDGER] = f"{self.ledger_path}: {error}"
            delivered = [t for t in targets if self._deliver_unrecorded(alert, t, failures)]
        else:
            delivered = [t for key, t in owed if self._deliver_owed(key, t, failures)]
        if failures:
            raise AlertDeliveryError(alert.subject, failures)
        return delivered

    def mend(self, subjects: Mapping[str, datetime]) -> list[str]:
        """Note what works; tell the end of every trouble that this ends.

        Args:
            subjects: what worked, as alerts name it, and when.

        Returns:
            Subjects of the messages told, each once per target that took it.

        Raises:
            AlertDeliveryError: names each target that failed, and why.
        """
        if self.ledger_path is None or not subjects:
            return []
        failures: dict[str, str] = {}
        try:
            ended = self._ledger().mend(dict(subjects))
        except (OSError, sqlite3.Error) as error:
            failures = {LEDGER: f"{self.ledger_path}: {error}"}
            raise AlertDeliveryError("the end of a trouble", failures) from error
        delivered = [
            alert.subject
            for alert in ended
            for target in self._ledger().targets(alert.event_key)
            if self._deliver_owed(alert.event_key, target, failures)
        ]
        if failures:
            raise AlertDeliveryError("the end of a trouble", failures)
        return delivered

    def redeliver(self) -> list[str]:
        """Deliver what waits in the ledger, at most twenty alerts per target.

        A target that fails is left alone until the next call: its server is probably down. What
        waits for a channel that is configured no more goes to those that are.

        Returns:
            Subjects of the alerts delivered, each once per target that took it.

        Raises:
            AlertDeliveryError: names each target that failed, and why.
        """
        failures: dict[str, str] = {}
        delivered: list[str] = []
        known = {channel.name for channel in self.channels}
        try:
            for target in self._ledger().waiting_targets() if known else []:
                if channel_name(target) not in known:
                    self._ledger().hand_over(target, self._targets)
            for target in self._ledger().waiting_targets() if known else []:
                delivered += self._redeliver_to(target, failures)
        except (OSError, sqlite3.Error) as error:
            failures[LEDGER] = f"{self.ledger_path}: {error}"
        if failures:
            raise AlertDeliveryError("alerts that wait in the ledger", failures)
        return delivered

    def _redeliver_to(self, target: str, failures: dict[str, str]) -> list[str]:
        delivered = []
        for alert in self._ledger().waiting(target, 20):
            if not self._ledger().claim(alert.event_key, target):
                continue
            if not self._deliver(alert, target, failures):
                break
            delivered.append(alert.subject)
        return delivered

    def _deliver_owed(self, event_key: str, target: str, failures: dict[str, str]) -> bool:
        """Deliver what the ledger recorded, for that names the trouble it belongs to."""
        if channel_for(target, self.channels) is None:  # `redeliver` hands it over
            return False
        try:
            alert = self._ledger().claim(event_key, target)
        except (OSError, sqlite3.Error) as trouble:  # it is recorded, and waits
            failures[LEDGER] = f"{self.ledger_path}: {trouble}"
            return False
        return alert is not None and self._deliver(alert, target, failures)

    def _deliver_unrecorded(self, alert: Alert, target: str, failures: dict[str, str]) -> bool:
        """Deliver while no ledger can be written.

        Sensors and cron look every few minutes, and a disk can be full for a night.
        """
        trouble = (target, *(sorted(alert.subjects) or [alert.event_key]))
        ledger = self._ledger().path
        if unrecorded.is_told_enough(ledger, trouble):
            return False
        delivered = self._deliver(alert, target, failures)
        if delivered:
            unrecorded.note(ledger, trouble)
        return delivered

    def _deliver(self, alert: Alert, target: str, failures: dict[str, str]) -> bool:
        channel = channel_for(target, self.channels)
        error: str | None = None
        try:
            if channel is None:
                raise ChannelError("this channel is not configured any more")
            reveal_all(channel).deliver(alert)
        except (ChannelError, SecretError) as refusal:
            error = failures[target] = str(refusal)
        try:
            self._ledger().settle(alert.event_key, target, error)
        except (OSError, sqlite3.Error) as trouble:
            failures[LEDGER] = f"{self.ledger_path}: {trouble}"
        return error is None

    def _targets(self, alert: Alert) -> list[str]:
        return targets_of(alert, self.channels, self.routes)

    def _ledger(self) -> DeliveryLedger:
        if self.ledger_path is None:
            raise ValueError("ledger_path is not set")
        return DeliveryLedger(Path(self.ledger_path))
