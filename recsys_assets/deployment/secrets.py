"""Secrets by reference: where they are looked up, and which values must not be seen."""

import os
import re
from collections.abc import Mapping

import dagster as dg

from recsys_assets.deployment.description import DeploymentError
from recsys_assets.resources.azure.secrets import PREFIX, refer

_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|TOKEN|SECRET|_KEY|CREDENTIAL|CONNECTION_STRING|(WEBHOOK|TEAMS|SLACK)_URL)$"
)


def secret_of(known: Mapping[str, str], name: str) -> str | None:
    """Where a secret is to be looked up; its value is not kept."""
    value = known.get(name, "")
    if value.startswith("env:"):
        return secret_of(known, value.removeprefix("env:").strip())
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
