"""Variables of the storage account, of a Databricks workspace, and of where models go."""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from recsys_assets.deployment.errors import DeploymentError
from recsys_assets.deployment.secrets import secret_of
from recsys_assets.home import Home
from recsys_assets.registry.address import RegistryAddress, without_account
from recsys_assets.resources.azure.identity import cluster_identity

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


def account_of(known: Mapping[str, str]) -> str:
    """The storage account, where landed files and tables lie in one."""
    if known.get("RECSYS_DEPLOYMENT") != "azure":
        return ""
    account = known.get("RECSYS_AZURE_STORAGE_ACCOUNT") or ""
    if not account:
        raise DeploymentError(
            "RECSYS_AZURE_STORAGE_ACCOUNT is not set, and RECSYS_DEPLOYMENT=azure asks for it"
        )
    if not _ACCOUNT.fullmatch(account):  # not quoted: it may be a connection string, with its key
        raise DeploymentError(
            "RECSYS_AZURE_STORAGE_ACCOUNT is no account's name, which is 3 to 24 lower-case letters"
            " and digits: give the name alone, no address"
        )
    connection = known.get("AZURE_STORAGE_CONNECTION_STRING") or ""
    # One of a shared access signature may tell the account by the address alone.
    own = rf"AccountName={account}(;|$)|://{account}\.|/{account}/?(;|$)"
    if connection and not re.search(own, connection.strip(), re.IGNORECASE):
        raise DeploymentError(
            "AZURE_STORAGE_CONNECTION_STRING is of another account than"
            f" RECSYS_AZURE_STORAGE_ACCOUNT, which is {account}: files would land there, for it"
            " goes before; take it out of the environment"
        )
    return account


def mlflow_of(known: Mapping[str, str]) -> str:
    """MLflow's address for this process and for clusters; a file of the home if empty."""
    given = known.get("RECSYS_MLFLOW_URI") or ""
    try:
        RegistryAddress.of(given)
    except ValueError as error:
        raise DeploymentError(f"RECSYS_MLFLOW_URI: {error}") from error
    # What clusters register this process has to find: promotion and bundles are made here.
    return given or ("databricks" if known.get("RECSYS_DATABRICKS_HOST") else "")


def mlflow_setting(home: Home) -> str:
    """MLflow's address as resources are given it.

    Where it holds a password it is the variable's name: the UI shows settings, not what variables
    hold.
    """
    if without_account(home.mlflow) == home.mlflow:
        return home.mlflow
    return dg.EnvVar("RECSYS_MLFLOW_URI")


def databricks_settings(known: Mapping[str, str], home: Home) -> dict[str, Any]:
    """Settings of `DatabricksSpark`; none where steps run on this machine."""

    def value(name: str) -> str:
        return known.get(f"RECSYS_DATABRICKS_{name}") or ""

    if not value("HOST"):
        return {}
    if not value("VOLUME"):
        raise DeploymentError(
            "RECSYS_DATABRICKS_VOLUME is not set, and RECSYS_DATABRICKS_HOST asks for it"
        )
    if not value("VOLUME").startswith("/"):  # by its name in the catalog no file is found
        raise DeploymentError(
            "RECSYS_DATABRICKS_VOLUME is no folder: write /Volumes/CATALOG/SCHEMA/VOLUME"
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
        "timeout_seconds": value("TIMEOUT"),
    }
    return {
        "home": str(home.root),
        "account": home.account,
        "host": value("HOST"),
        "token": ""
        if token == "identity"
        else secret_of(known, "RECSYS_DATABRICKS_TOKEN") or dg.EnvVar("RECSYS_DATABRICKS_TOKEN"),
        "wheel": value("WHEEL"),
        "volume": value("VOLUME").rstrip("/"),
        "registry": mlflow_setting(home),
        **{
            part: f"{root}/{part}" if root else home.address(part)
            for part in ("lake", "landing", "rejected")
        },
        "cluster": {key: text for key, text in cluster.items() if text},
        **{key: text for key, text in optional.items() if text},
    }
