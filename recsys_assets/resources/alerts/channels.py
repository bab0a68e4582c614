"""Channels: how one alert leaves the platform.

`Alert` -> `Channel.deliver` -> a server that accepted the message, or a `ChannelError` that says
why not. A channel is a piece of Dagster configuration.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from recsys_assets.resources.alerts.connection import Connection, describe, redact
from recsys_assets.resources.alerts.message import Alert, Severity, clean_line

LEDGER = "ledger"
"""Stands among the channels for the ledger, where that is what failed."""
MEND_LEDGER = (
    "Make room on its disk, end what holds it, or, where it is damaged, move it away: a new one is"
    " made, and what is still wrong is told again."
)


class ChannelError(Exception):
    """A channel could not deliver; the text says why and holds no secret."""


class AlertDeliveryError(Exception):
    """At least one channel did not take an alert.

    Attributes:
        failures: name of the channel (or "ledger") -> why.
    """

    def __init__(self, subject: str, failures: Mapping[str, str]) -> None:
        """Say what was not delivered and, per channel, why."""
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        advice = [MEND_LEDGER] if LEDGER in failures else []
        if failures.keys() - {LEDGER}:
            advice.append(
                "Correct the settings of the channel or its server; what waits in the ledger is"
                " sent again by the sensor redeliver_alerts."
            )
        super().__init__(f"not delivered: {subject} — {reasons}. {' '.join(advice)}")
        self.failures = dict(failures)


class Channel(Connection):
    """What every channel has: a name, a time limit, and `deliver`."""

    name: ClassVar[str]

    at_least: Severity = Severity.INFO
    """Least urgent alert that this channel gets where no route says otherwise."""

    def deliver(self, alert: Alert) -> None:
        """Hand the alert to the server.

        Raises:
            ChannelError: the server could not be reached, or refused the message.
        """
        try:
            self._transmit(alert)
        except Exception as error:  # noqa: BLE001  whatever goes wrong here, the other channels have their turn
            reason = str(error) if isinstance(error, ChannelError) else describe(error)
        else:
            return
        # Raised outside the handler: a chained exception would carry the secrets into the log.
        raise ChannelError(clean_line(redact(reason, self._secrets()), limit=500))

    @abstractmethod
    def _transmit(self, alert: Alert) -> None:
        """Send the alert; any exception means that it was not delivered."""

    @abstractmethod
    def _secrets(self) -> list[str]:
        """List what no error may show."""
