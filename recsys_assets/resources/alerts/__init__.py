"""Alerts: the message, its channels, the ledger of deliveries, and the notifier over them."""

from recsys_assets.resources.alerts.channels import AlertDeliveryError, ChannelError
from recsys_assets.resources.alerts.hooks import WebhookChannel
from recsys_assets.resources.alerts.ledger import DeliveryLedger
from recsys_assets.resources.alerts.mail import EmailChannel, MailServer
from recsys_assets.resources.alerts.message import Alert, Severity
from recsys_assets.resources.alerts.notifier import Notifier
from recsys_assets.resources.alerts.routing import Route
from recsys_assets.resources.alerts.services import PagerDutyChannel, SlackChannel, TeamsChannel

__all__ = [
    "Alert",
    "AlertDeliveryError",
    "ChannelError",
    "DeliveryLedger",
    "EmailChannel",
    "MailServer",
    "Notifier",
    "PagerDutyChannel",
    "Route",
    "Severity",
    "SlackChannel",
    "TeamsChannel",
    "WebhookChannel",
]
