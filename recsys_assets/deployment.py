"""Which deployment this is: the only module that reads the environment.

    RECSYS_DEPLOYMENT    local (default): schedules and sensors start switched off;
                         production: they start switched on;
                         azure: the same, and landed files and tables lie in Azure
    RECSYS_AZURE_STORAGE_ACCOUNT   the storage account of RECSYS_DEPLOYMENT=azure, with containers
                         landing, rejected and lake
    RECSYS_HOME          folder of all state; default .recsys/ in the project
    RECSYS_PRICES        table of prices, instead of the packaged one
    RECSYS_SPARK_MASTER, RECSYS_SPARK_MEMORY   where Spark runs, and the JVM's memory
    RECSYS_SPARK_CONF    file of further settings of Spark's, in the form of spark-defaults.conf
    RECSYS_DATABRICKS_HOST   address of a Databricks workspace: steps run there instead. Also
                         _TOKEN (``identity``: by that of this process), _VOLUME (folder of a Unity
                         Catalog volume, through which steps report), _WHEEL (the project's wheel
                         there; made and uploaded without it); _HOME (folder of lake and
                         landing zone as clusters see it; default RECSYS_HOME), _REGISTRY (MLflow
                         as clusters see it; default databricks), _NODE_TYPE, _SPARK_VERSION,
                         _MIN_WORKERS, _MAX_WORKERS, _TIMEOUT (seconds a step may take)
    RECSYS_SERVE_ISSUERS whose tokens the service takes, by comma; none are asked for without it.
                         Also _AUDIENCES (by comma), _JWKS_URL, _ORIGINS (sites whose pages may
                         ask, by comma), _RATE and _BURST (requests of one caller), _BUNDLES and
                         _FEEDBACK (folders, where they do not lie in RECSYS_HOME)
    RECSYS_LOOKUP        where lists are looked up: sqlite (default), cosmos, tables. Also _URL, and
                         _KEY (a connection string for tables; without it by identity)
    RECSYS_WAREHOUSE_URL postgresql://…, where published tables go; a DuckDB file without it
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

    RECSYS_AZURE_KEY_VAULT   address of a vault, https://….vault.azure.net

Passwords, tokens and webhook addresses are not read here: their names are handed on, and the
process that sends an alert looks them up. Each may hold ``env:NAME``, the name of another variable,
or ``keyvault:NAME``, the name of a secret of the vault.
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
from recsys_assets.resources.azure.identity import cluster_identity
from recsys_assets.resources.azure.secrets import PREFIX, refer
from recsys_assets.resources.spark import SparkSettings

if TYPE_CHECKING:
    from recsys_assets.resources.compute import Compute

Name = Literal["local", "production", "azure"]


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
    delivery: dict[str, Any] = Field(default_factory=dict)
    """Settings of `Delivery`."""
    prices: Path | None = None
    """Table of prices; the packaged one if None."""

    @property
    def automated(self) -> bool:
        """Whether schedules and sensors start switched on."""
        return self.name != "local"

    def compute(self) -> "Compute":
        """Where steps run; imported on demand, because most commands run none."""
        if self.databricks:
            from recsys_assets.resources.databricks import DatabricksSpark

            return DatabricksSpark(**self.databricks)
        settings: dict[str, Any] = {
            "home": str(self.home.root),
            "account": self.home.account,
            "master": self.spark.master,
            "driver_memory": self.spark.driver_memory,
            "conf": self.spark.conf,
        }
        if not self.spark.master.startswith("local"):
            from recsys_assets.resources.spark_submit import SparkSubmit

            return SparkSubmit(**settings)
        from recsys_assets.resources.compute import LocalSpark

        return LocalSpark(**settings)


def current_deployment(environment: Mapping[str, str] | None = None) -> Deployment:
    """The deployment that the environment describes.

    Raises:
        DeploymentError: a variable holds something it cannot.
    """
    known = os.environ if environment is None else environment
    spark = {
        "master": known.get("RECSYS_SPARK_MASTER"),
        "driver_memory": known.get("RECSYS_SPARK_MEMORY"),
        "conf": _spark_conf(known.get("RECSYS_SPARK_CONF")),
    }
    root = Path(known.get("RECSYS_HOME") or PROJECT / ".recsys").expanduser().resolve()
    home = Home(root=root, account=_account(known))
    try:
        return Deployment.model_validate(
            {
                "name": known.get("RECSYS_DEPLOYMENT") or "local",
                "home": home,
                "spark": {key: value for key, value in spark.items() if value},
                "databricks": _databricks(known, home),
                "alerts": _alerts(known, home),
                "digests": _digests(known, home),
                "champion_days": known.get("RECSYS_CHAMPION_DAYS") or 30,
                "settled_seconds": known.get("RECSYS_SETTLED_SECONDS") or 30.0,
                "serving": _serving(known, home),
                "delivery": _delivery(known, home),
                "prices": known.get("RECSYS_PRICES") or None,
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
            "url": _secret(known, "RECSYS_WEBHOOK_URL"),
            "bearer_token": _secret(known, "RECSYS_WEBHOOK_TOKEN"),
        }
    for name in ("teams", "slack"):
        variable = f"RECSYS_{name.upper()}_URL"
        if known.get(variable):
            settings[name] = {"url": _secret(known, variable)}
    if known.get("RECSYS_PAGERDUTY_KEY"):
        settings["pagerduty"] = {"routing_key": _secret(known, "RECSYS_PAGERDUTY_KEY")}
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
        "account": home.account,
        "public_url": known.get("RECSYS_PUBLIC_URL") or "http://127.0.0.1:8000",
        "signing_key": _secret(known, "RECSYS_UNSUBSCRIBE_KEY"),
    }
    if known.get("RECSYS_SMTP_HOST") and known.get("RECSYS_DIGEST_SENDER"):
        settings["server"] = _mail_server(known) | {"sender": known["RECSYS_DIGEST_SENDER"]}
    return settings


def _delivery(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    settings = {
        "lookup": known.get("RECSYS_LOOKUP"),
        "lookup_url": known.get("RECSYS_LOOKUP_URL"),
        "lookup_key": _secret(known, "RECSYS_LOOKUP_KEY"),
        "warehouse_url": _secret(known, "RECSYS_WAREHOUSE_URL"),
    }
    if settings["lookup"] in ("cosmos", "tables") and not (
        settings["lookup_url"] or settings["lookup_key"]
    ):
        raise DeploymentError(f"RECSYS_LOOKUP={settings['lookup']} asks for RECSYS_LOOKUP_URL")
    return {"home": str(home.root), **{name: text for name, text in settings.items() if text}}


def _spark_conf(path: str | None) -> dict[str, str]:
    """Settings of a file like spark-defaults.conf: a name, white space, a value."""
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DeploymentError(f"RECSYS_SPARK_CONF: {error}") from error
    pairs = (line.split(maxsplit=1) for line in lines if line.strip() and line[0] != "#")
    return {name: value.strip() for name, *rest in pairs for value in rest or [""]}


def _account(known: Mapping[str, str]) -> str:
    """The storage account, where landed files and tables lie in one."""
    if known.get("RECSYS_DEPLOYMENT") != "azure":
        return ""
    if not known.get("RECSYS_AZURE_STORAGE_ACCOUNT"):
        raise DeploymentError(
            "RECSYS_AZURE_STORAGE_ACCOUNT is not set, and RECSYS_DEPLOYMENT=azure asks for it"
        )
    return known["RECSYS_AZURE_STORAGE_ACCOUNT"]


def _databricks(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    def value(name: str) -> str:
        return known.get(f"RECSYS_DATABRICKS_{name}") or ""

    if not value("HOST"):
        return {}
    if not value("VOLUME"):
        raise DeploymentError(
            "RECSYS_DATABRICKS_VOLUME is not set, and RECSYS_DATABRICKS_HOST asks for it"
        )
    root = value("HOME").rstrip("/")
    token = value("TOKEN") or ("identity" if home.account else "")
    cluster: dict[str, Any] = {
        "node_type": value("NODE_TYPE"),
        "spark_version": value("SPARK_VERSION"),
        "min_workers": value("MIN_WORKERS"),
        "max_workers": value("MAX_WORKERS"),
    }
    if home.account and not root:
        cluster["environment"] = cluster_identity(home.account)
    optional = {
        "prices": known.get("RECSYS_PRICES") or "",
        "registry": value("REGISTRY"),
        "timeout_seconds": value("TIMEOUT"),
    }
    return {
        "host": value("HOST"),
        "token": ""
        if token == "identity"
        else _secret(known, "RECSYS_DATABRICKS_TOKEN") or dg.EnvVar("RECSYS_DATABRICKS_TOKEN"),
        "wheel": value("WHEEL"),
        "volume": value("VOLUME").rstrip("/"),
        **{
            part: f"{root}/{part}" if root else home.address(part)
            for part in ("lake", "landing", "rejected")
        },
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
    """Where a secret is to be looked up; its value is not kept."""
    value = known.get(name, "")
    if value.startswith("env:"):
        return _secret(known, value.removeprefix("env:").strip())
    if not value.startswith(PREFIX):
        return dg.EnvVar(name) if value else None
    if not known.get("RECSYS_AZURE_KEY_VAULT"):
        raise DeploymentError(f"{name} refers to a vault: set RECSYS_AZURE_KEY_VAULT")
    return refer(known["RECSYS_AZURE_KEY_VAULT"], value.removeprefix(PREFIX).strip())


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
