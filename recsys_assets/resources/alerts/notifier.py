"""The notifier: the one way by which the platform tells people that something is wrong.

`Alert` -> ledger -> every configured channel. What a channel could not take waits in the ledger
until `redeliver` succeeds; what it took it does not get again.
"""

import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import ConfigDict, model_validator

from recsys_assets.resources.alerts.channels import (
    Channel,
    ChannelError,
    EmailChannel,
    WebhookChannel,
)
from recsys_assets.resources.alerts.ledger import DeliveryLedger
from recsys_assets.resources.alerts.message import Alert

logger = logging.getLogger(__name__)

LEDGER = "ledger"


class AlertDeliveryError(Exception):
    """At least one channel did not take an alert.

    Attributes:
        failures: name of the channel (or "ledger") -> why.
    """

    def __init__(self, subject: str, failures: Mapping[str, str]) -> None:
        """Say what was not delivered and, per channel, why."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        super().__init__(
            f"not delivered: {subject} — {reasons}. Correct the settings of the channel or its"
            " server; what waits in the ledger is sent again by the sensor redeliver_alerts."
        )
        self.failures = dict(failures)


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Sends alerts to all configured channels, each event once per channel."""

    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    email: EmailChannel | None = None
    """Settings of the e-mail channel; no mail if not given."""
    webhook: WebhookChannel | None = None
    """Settings of the webhook channel; no post if not given."""
    ledger_path: str | None = None
    """SQLite file of the delivery ledger, on a local disk that outlives the process; needed as
    soon as there is a channel."""
    ui_url: str = "http://127.0.0.1:3000"
    """Where people open the Dagster UI; the base of the links to runs."""
    runbook_url: str | None = None
    """Where people find the runbook; no such link if not given."""

    @model_validator(mode="after")
    def _channels_have_a_ledger(self) -> Self:
        if self.channels and not self.ledger_path:
            raise ValueError("an alert channel is configured without ledger_path: set it to a file")
        return self

    @property
    def channels(self) -> list[Channel]:
        """The configured channels."""
        return [channel for channel in (self.email, self.webhook) if channel is not None]

    def links(self, run_id: str) -> dict[str, str]:
        """Build the links of an alert about a run."""
        run = {"run": f"{self.ui_url.rstrip('/')}/runs/{run_id}"}
        return run | ({"runbook": self.runbook_url} if self.runbook_url else {})

    def send(self, alert: Alert) -> list[str]:
        """Deliver an alert to every channel that does not have this event yet.

        Every channel is tried even if another fails, and even if the ledger cannot be written:
        a full disk is a likely reason for an alert, and must not silence it.

        Returns:
            Names of the channels that took the alert in this call.

        Raises:
            AlertDeliveryError: names each channel that failed, and why.
        """
        if not self.channels:
            logger.warning("No alert channel is configured; only logged:\n%s", alert.plain_text())
            return []
        failures: dict[str, str] = {}
        owed = self._claim(alert, failures)
        delivered = [c.name for c in owed if self._deliver(alert, c, failures)]
        if failures:
            raise AlertDeliveryError(alert.subject, failures)
        return delivered

    def redeliver(self, limit: int = 20) -> list[str]:
        """Deliver what waits in the ledger, at most `limit` alerts per channel.

        A channel that fails is left alone until the next call: its server is probably down.

        Returns:
            Subjects of the alerts delivered, each once per channel that took it.

        Raises:
            AlertDeliveryError: names each channel that failed, and why.
        """
        failures: dict[str, str] = {}
        delivered: list[str] = []
        for channel in self.channels:
            for alert in self._ledger().waiting(channel.name, limit):
                if not self._ledger().claim(alert.event_key, channel.name):
                    continue
                if not self._deliver(alert, channel, failures):
                    break
                delivered.append(alert.subject)
        if failures:
            raise AlertDeliveryError("alerts that wait in the ledger", failures)
        return delivered

    def _claim(self, alert: Alert, failures: dict[str, str]) -> list[Channel]:
        try:
            self._ledger().record(alert, [channel.name for channel in self.channels])
            return [c for c in self.channels if self._ledger().claim(alert.event_key, c.name)]
        except (OSError, sqlite3.Error) as error:
            failures[LEDGER] = f"{self.ledger_path}: {error}"
            return self.channels

    def _deliver(self, alert: Alert, channel: Channel, failures: dict[str, str]) -> bool:
        error: str | None = None
        try:
            channel.deliver(alert)
        except ChannelError as refusal:
            error = failures[channel.name] = str(refusal)
        try:
            self._ledger().settle(alert.event_key, channel.name, error)
        except (OSError, sqlite3.Error) as trouble:
            failures[LEDGER] = f"{self.ledger_path}: {trouble}"
        return error is None

    def _ledger(self) -> DeliveryLedger:
        if self.ledger_path is None:
            raise ValueError("ledger_path is not set")
        return DeliveryLedger(Path(self.ledger_path))
