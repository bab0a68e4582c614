"""Variables of the environment become a deployment."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys_assets.deployment.addresses import address_of
from recsys_assets.deployment.azure import account_of, databricks_settings, mlflow_of
from recsys_assets.deployment.description import Deployment
from recsys_assets.deployment.errors import DeploymentError, naming_variables
from recsys_assets.deployment.notices import alert_settings, digest_settings
from recsys_assets.deployment.secrets import secret_of
from recsys_assets.home import PROJECT, Home

_BETWEEN = re.compile(r"\s*[=:]\s*|\s+")
"""What parts a name from its value where Spark itself reads such a file."""


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
    with naming_variables():
        home = Home(root=root, account=account_of(known), mlflow=mlflow_of(known))
        return Deployment.model_validate(
            {
                "name": known.get("RECSYS_DEPLOYMENT") or "local",
                "home": home,
                "spark": {key: value for key, value in spark.items() if value},
                "databricks": databricks_settings(known, home),
                "alerts": alert_settings(known, home),
                "digests": digest_settings(known, home),
                "champion_days": known.get("RECSYS_CHAMPION_DAYS") or 30,
                "settled_seconds": known.get("RECSYS_SETTLED_SECONDS") or 30.0,
                "serving": _serving(known, home),
                "delivery": _delivery(known, home),
                "prices": known.get("RECSYS_PRICES") or None,
            }
        )


def _delivery(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    settings = {
        "lookup": known.get("RECSYS_LOOKUP"),
        "lookup_url": address_of(known, "RECSYS_LOOKUP_URL"),
        "lookup_key": secret_of(known, "RECSYS_LOOKUP_KEY"),
        "warehouse_url": secret_of(known, "RECSYS_WAREHOUSE_URL"),
    }
    # The key of Azure Tables is a connection string, which names the address; Cosmos DB's is none.
    if not settings["lookup_url"] and (
        settings["lookup"] == "cosmos"
        or (settings["lookup"] == "tables" and not settings["lookup_key"])
    ):
        raise DeploymentError(f"RECSYS_LOOKUP={settings['lookup']} asks for RECSYS_LOOKUP_URL")
    return {"home": str(home.root), **{name: text for name, text in settings.items() if text}}


def _spark_conf(path: str | None) -> dict[str, str]:
    """Settings of a file like spark-defaults.conf: a name, white space or ``=``, a value."""
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DeploymentError(f"RECSYS_SPARK_CONF: {error}") from error
    given = (line.strip() for line in lines)
    pairs = (_BETWEEN.split(line, maxsplit=1) for line in given if line and line[0] not in "#!")
    return {name: value for name, *rest in pairs for value in rest or [""]}


def _serving(known: Mapping[str, str], home: Home) -> dict[str, str]:
    given = {name: text for name, text in known.items() if name.startswith("RECSYS_SERVE_")}
    folders = {
        "RECSYS_SERVE_BUNDLES": str(home.bundles),
        "RECSYS_SERVE_FEEDBACK": str(home.feedback),
    }
    return {**folders, **{name: text for name, text in given.items() if text}}
