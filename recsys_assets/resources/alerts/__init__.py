"""Alerts: the message, its channels, the ledger of deliveries, and the notifier over them."""

from recsys_assets.resources.alerts.channels import ChannelError, EmailChannel, WebhookChannel
from recsys_assets.resources.alerts.message import Alert, Severity
from recsys_assets.resources.alerts.notifier import AlertDeliveryError, Notifier

__all__ = [
    "Alert",
    "AlertDeliveryError",
    "ChannelError",
    "EmailChannel",
    "Notifier",
    "Severity",
    "WebhookChannel",
]
