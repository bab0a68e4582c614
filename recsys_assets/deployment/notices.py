"""Variables of alerts and digests: who is told, by which way."""

import json
from collections.abc import Mapping
from typing import Any

from recsys_assets.deployment.addresses import address_of, secret_address_of
from recsys_assets.deployment.errors import DeploymentError
from recsys_assets.deployment.secrets import secret_of
from recsys_assets.home import Home


def alert_settings(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    """Settings of the notifier."""
    settings: dict[str, Any] = {
        "ledger_path": str(home.alerts),
        "ui_url": address_of(known, "RECSYS_UI_URL") or "http://127.0.0.1:3000",
        "runbook_url": known.get("RECSYS_RUNBOOK_URL"),
    }
    if known.get("RECSYS_SMTP_HOST"):
        recipients = known.get("RECSYS_SMTP_RECIPIENTS", "").split(",")
        settings["email"] = _mail_server(known) | {
            "sender": known.get("RECSYS_SMTP_SENDER") or "recsys@localhost",
            "recipients": [name.strip() for name in recipients if name.strip()],
        }
    if known.get("RECSYS_WEBHOOK_URL"):
        settings["webhook"] = {
            "url": secret_address_of(known, "RECSYS_WEBHOOK_URL"),
            "bearer_token": secret_of(known, "RECSYS_WEBHOOK_TOKEN"),
        }
    for name in ("teams", "slack"):
        variable = f"RECSYS_{name.upper()}_URL"
        if known.get(variable):
            settings[name] = {"url": secret_address_of(known, variable)}
    if known.get("RECSYS_PAGERDUTY_KEY"):
        settings["pagerduty"] = {"routing_key": secret_of(known, "RECSYS_PAGERDUTY_KEY")}
        if known.get("RECSYS_PAGERDUTY_URL"):
            settings["pagerduty"]["url"] = address_of(known, "RECSYS_PAGERDUTY_URL")
    if known.get("RECSYS_ALERT_ROUTES"):
        try:
            settings["routes"] = json.loads(known["RECSYS_ALERT_ROUTES"])
        except ValueError as error:
            raise DeploymentError(f"RECSYS_ALERT_ROUTES is no JSON: {error}") from error
    return settings


def _mail_server(known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "host": known["RECSYS_SMTP_HOST"],
        "port": known.get("RECSYS_SMTP_PORT") or 587,
        "security": known.get("RECSYS_SMTP_SECURITY") or "starttls",
        "username": known.get("RECSYS_SMTP_USERNAME"),
        "password": secret_of(known, "RECSYS_SMTP_PASSWORD"),
        "ca_file": known.get("RECSYS_SMTP_CA_FILE"),
    }


def digest_settings(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    """Settings of the mailer of digests."""
    settings: dict[str, Any] = {
        "home": str(home.root),
        "account": home.account,
        "public_url": address_of(known, "RECSYS_PUBLIC_URL"),
        "signing_key": secret_of(known, "RECSYS_UNSUBSCRIBE_KEY"),
    }
    if known.get("RECSYS_SMTP_HOST") and known.get("RECSYS_DIGEST_SENDER"):
        settings["server"] = _mail_server(known) | {"sender": known["RECSYS_DIGEST_SENDER"]}
    return settings
