"""Which deployment this is: the only module that reads the environment.

    RECSYS_DEPLOYMENT    local (default): schedules and sensors start switched off;
                         production: they start switched on
    RECSYS_HOME          folder of all state; default .recsys/ in the project
    RECSYS_SPARK_MASTER, RECSYS_SPARK_MEMORY   where Spark runs, and the JVM's memory
    RECSYS_DATABRICKS_HOST   address of a Databricks workspace: steps run there instead. Also
                         _TOKEN, _WHEEL (the project's wheel) and _VOLUME (folder through which
                         steps report), both in a Unity Catalog volume; _HOME (folder of lake and
                         landing zone as clusters see it; default RECSYS_HOME), _REGISTRY (MLflow
                         as clusters see it; default databricks), _NODE_TYPE, _SPARK_VERSION,
                         _MIN_WORKERS, _MAX_WORKERS, _TIMEOUT (seconds a step may take)
    RECSYS_SERVE_ISSUERS whose tokens the service takes, by comma; none are asked for without it.
                         Also _AUDIENCES (by comma), _JWKS_URL, _ORIGINS (sites whose pages may
                         ask, by comma), _RATE and _BURST (requests of one caller), _BUNDLES and
                         _FEEDBACK (folders, where they do not lie in RECSYS_HOME)
    RECSYS_UI_URL        address of the Dagster UI, for links in alerts
    RECSYS_RUNBOOK_URL   address of the runbook, for links in alerts
    RECSYS_SMTP_HOST     mail server; no mail without it. Also _PORT, _SECURITY (starttls, ssl,
                         plain), _USERNAME, _PASSWORD, _CA_FILE, _SENDER, _RECIPIENTS (by comma)
    RECSYS_WEBHOOK_URL   address that alerts are posted to as JSON. Also _TOKEN
    RECSYS_TEAMS_URL     workflow of a Teams channel that takes webhook requests
    RECSYS_SLACK_URL     incoming webhook of a Slack channel
    RECSYS_PAGERDUTY_KEY integration key (Events v2). Also RECSYS_PAGERDUTY_URL
    RECSYS_ALERT_ROUTES  JSON list of routes: who is told of what (resources/alerts/routing.py)
    RECSYS_CHAMPION_DAYS days after which a champion that nothing replaced is told of; default 30
    RECSYS_SETTLED_SECONDS  seconds for which no file of a drop may have changed before the landing
                         sensor runs it; default 30
    RECSYS_PUBLIC_URL    address under which users reach the service, for links in digests
    RECSYS_DIGEST_SENDER sender of digests; no digest is sent without it and a mail server
    RECSYS_UNSUBSCRIBE_KEY  signs the links by which users unsubscribe

Passwords, tokens and webhook addresses are not read here: their names are handed on, and the
process that sends an alert looks them up.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import BaseModel, Field, ValidationError

from recsys_assets.home import PROJECT, Home
from recsys_assets.resources.spark import SparkSettings

if TYPE_CHECKING:
    from recsys_assets.resources.compute import Compute

Name = Literal["local", "production"]


class DeploymentError(Exception):
    """The environment describes no deployment; the message names the variable."""


class Deployment(BaseModel):
    """Everything that differs from one deployment to the next."""

    name: Name = "local"
    """What kind of deployment this is."""
    home: Home
    """All state on this machine."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """How Spark runs."""
    databricks: dict[str, Any] = Field(default_factory=dict)
    """Settings of `DatabricksSpark`; empty where steps run on this machine."""
    alerts: dict[str, Any] = Field(default_factory=dict)
    """Settings of the notifier."""
    digests: dict[str, Any] = Field(default_factory=dict)
    """Settings of the mailer of digests."""
    champion_days: int = Field(default=30, ge=1)
    """Age from which on people are told of a champion."""
    settled_seconds: float = Field(default=30.0, ge=0)
    """Time without a change after which a drop counts as complete."""
    serving: dict[str, str] = Field(default_factory=dict)
    """Variables of the scoring and lookup service; `serving.settings` reads them."""

    @property
    def automated(self) -> bool:
        """Whether schedules and sensors start switched on."""
        return self.name != "local"

    def compute(self) -> "Compute":
        """Where steps run; imported on demand, because most commands run none."""
        if self.databricks:
            from recsys_assets.resources.databricks import DatabricksSpark

            return DatabricksSpark(**self.databricks)
        from recsys_assets.resources.compute import LocalSpark

        return LocalSpark(
            home=str(self.home.root),
            master=self.spark.master,
            driver_memory=self.spark.driver_memory,
        )


def current_deployment(environment: Mapping[str, str] | None = None) -> Deployment:
    """The deployment that the environment describes.

    Raises:
        DeploymentError: a variable holds something it cannot.
    """
    known = os.environ if environment is None else environment
    spark = {
        "master": known.get("RECSYS_SPARK_MASTER"),
        "driver_memory": known.get("RECSYS_SPARK_MEMORY"),
    }
    home = Path(known.get("RECSYS_HOME") or PROJECT / ".recsys").expanduser().resolve()
    try:
        return Deployment.model_validate(
            {
                "name": known.get("RECSYS_DEPLOYMENT") or "local",
                "home": Home(root=home),
                "spark": {key: value for key, value in spark.items() if value},
                "databricks": _databricks(known, home),
                "alerts": _alerts(known, Home(root=home)),
                "digests": _digests(known, Home(root=home)),
                "champion_days": known.get("RECSYS_CHAMPION_DAYS") or 30,
                "settled_seconds": known.get("RECSYS_SETTLED_SECONDS") or 30.0,
                "serving": _serving(known, Home(root=home)),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise DeploymentError(
            f"RECSYS_{'_'.join(str(p) for p in first['loc']).upper()}: {first['msg']}"
        ) from error


def _alerts(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "ledger_path": str(home.alerts),
        "ui_url": known.get("RECSYS_UI_URL") or "http://127.0.0.1:3000",
        "runbook_url": known.get("RECSYS_RUNBOOK_URL"),
    }
    if known.get("RECSYS_SMTP_HOST"):
        recipients = known.get("RECSYS_SMTP_RECIPIENTS", "").split(",")
        settings["email"] = _mail_server(known) | {
            "sender": known.get("RECSYS_SMTP_SENDER") or "recsys@localhost",
            "recipients": [name.strip() for name in recipients if name],
        }
    if known.get("RECSYS_WEBHOOK_URL"):
        settings["webhook"] = {
            "url": dg.EnvVar("RECSYS_WEBHOOK_URL"),
            "bearer_token": _secret(known, "RECSYS_WEBHOOK_TOKEN"),
        }
    for name in ("teams", "slack"):
        variable = f"RECSYS_{name.upper()}_URL"
        if known.get(variable):
            settings[name] = {"url": dg.EnvVar(variable)}
    if known.get("RECSYS_PAGERDUTY_KEY"):
        settings["pagerduty"] = {"routing_key": dg.EnvVar("RECSYS_PAGERDUTY_KEY")}
        if known.get("RECSYS_PAGERDUTY_URL"):
            settings["pagerduty"]["url"] = known["RECSYS_PAGERDUTY_URL"]
    if known.get("RECSYS_ALERT_ROUTES"):
        try:
            settings["routes"] = json.loads(known["RECSYS_ALERT_ROUTES"])
        except ValueError as error:
            raise DeploymentError(f"RECSYS_ALERT_ROUTES is no JSON: {error}") from error
    return settings


def _mail_server(known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "host": known["RECSYS_SMTP_HOST"],
        "port": int(known.get("RECSYS_SMTP_PORT") or 587),
        "security": known.get("RECSYS_SMTP_SECURITY") or "starttls",
        "username": known.get("RECSYS_SMTP_USERNAME"),
        "password": _secret(known, "RECSYS_SMTP_PASSWORD"),
        "ca_file": known.get("RECSYS_SMTP_CA_FILE"),
    }


def _digests(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "home": str(home.root),
        "public_url": known.get("RECSYS_PUBLIC_URL") or "http://127.0.0.1:8000",
        "signing_key": _secret(known, "RECSYS_UNSUBSCRIBE_KEY"),
    }
    if known.get("RECSYS_SMTP_HOST") and known.get("RECSYS_DIGEST_SENDER"):
        settings["server"] = _mail_server(known) | {"sender": known["RECSYS_DIGEST_SENDER"]}
    return settings


def _databricks(known: Mapping[str, str], home: Path) -> dict[str, Any]:
    def value(name: str) -> str:
        return known.get(f"RECSYS_DATABRICKS_{name}") or ""

    if not value("HOST"):
        return {}
    for name in ("WHEEL", "VOLUME"):
        if not value(name):
            raise DeploymentError(
                f"RECSYS_DATABRICKS_{name} is not set, and RECSYS_DATABRICKS_HOST asks for it"
            )
    root = value("HOME").rstrip("/") or str(home)
    cluster = {
        "node_type": value("NODE_TYPE"),
        "spark_version": value("SPARK_VERSION"),
        "min_workers": value("MIN_WORKERS"),
        "max_workers": value("MAX_WORKERS"),
    }
    optional = {"registry": value("REGISTRY"), "timeout_seconds": value("TIMEOUT")}
    return {
        "host": value("HOST"),
        "token": dg.EnvVar("RECSYS_DATABRICKS_TOKEN"),
        "wheel": value("WHEEL"),
        "volume": value("VOLUME").rstrip("/"),
        "lake": f"{root}/lake",
        "landing": f"{root}/landing",
        "rejected": f"{root}/rejected",
        "cluster": {key: text for key, text in cluster.items() if text},
        **{key: text for key, text in optional.items() if text},
    }


def _serving(known: Mapping[str, str], home: Home) -> dict[str, str]:
    given = {name: text for name, text in known.items() if name.startswith("RECSYS_SERVE_")}
    folders = {
        "RECSYS_SERVE_BUNDLES": str(home.bundles),
        "RECSYS_SERVE_FEEDBACK": str(home.feedback),
    }
    return {**folders, **{name: text for name, text in given.items() if text}}


def _secret(known: Mapping[str, str], name: str) -> str | None:
    return dg.EnvVar(name) if known.get(name) else None


def secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of the environment that must not be seen anywhere, the longest first.

    They are read when something is about to be written down that might hold one, and kept nowhere.
    """
    known = os.environ if environment is None else environment
    found = {
        value
        for name, value in known.items()
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name)
    }
    return sorted(found, key=len, reverse=True)


_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|TOKEN|SECRET|_KEY|CREDENTIAL|CONNECTION_STRING|(WEBHOOK|TEAMS|SLACK)_URL)$"
)


def enter(deployment: Deployment) -> Deployment:
    """Prepare the home and point this process's Dagster at it."""
    deployment.home.prepare()
    os.environ["DAGSTER_HOME"] = str(deployment.home.dagster)
    os.environ["RECSYS_HOME"] = str(deployment.home.root)
    spare_cores()
    return deployment


def spare_cores() -> None:
    """Let OpenMP's threads sleep while they wait; called before a library that uses it is loaded.

    Threads that wait busily slow LightGBM down tenfold as soon as anything else wants a core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
