"""Secrets by reference: where they are looked up, and which values must not be seen."""

import os
import re
from collections.abc import Mapping

import dagster as dg

from recsys_assets.deployment.errors import DeploymentError
from recsys_assets.resources.azure.secrets import PREFIX, refer, revealed

VARIABLE = "env:"
_SHORTEST_SECRET = 6
_SECRET_NAME = re.compile(
    r"(PASSWORD|PASSWD|TOKEN|SECRET|_KEY|CREDENTIAL|CONNECTION_STRING|(WEBHOOK|TEAMS|SLACK|WAREHOUSE)_URL)$"
)
_IN_ADDRESS = re.compile(r"://([^/@\s]*?):(?!\1@)([^/\s]+)@")
"""A password within an address, as in https://user:password@host; the user's name is none."""


def secret_of(known: Mapping[str, str], name: str) -> str | None:
    """Where a secret is to be looked up; its value is not kept.

    Raises:
        DeploymentError: it refers to a variable that is not set, to a vault that is not named or
            named without its address, or to no secret of it.
    """
    name = variable_of(known, name)
    value = known.get(name, "")
    if not value.startswith(PREFIX):
        return dg.EnvVar(name) if value else None
    vault, secret = known.get("RECSYS_AZURE_KEY_VAULT"), value.removeprefix(PREFIX).strip()
    if not vault:
        raise DeploymentError(f"{name} refers to a vault: set RECSYS_AZURE_KEY_VAULT")
    if not vault.startswith("https://"):  # told where the secret is asked for, it would be at night
        raise DeploymentError(
            f"RECSYS_AZURE_KEY_VAULT: {vault!r} is no address: write https://NAME.vault.azure.net"
        )
    if not secret:
        raise DeploymentError(f"{name} names no secret of the vault: write {PREFIX}NAME")
    return refer(vault, secret)


def variable_of(known: Mapping[str, str], name: str) -> str:
    """The variable that holds a value: the one given, or the one that it refers to.

    Raises:
        DeploymentError: it refers to one that is not set, or in a circle to itself.
    """
    path = _path(known, name)
    if len(path) > 1 and (path[-1] in path[:-1] or not known.get(path[-1])):
        what = "refers to itself" if path[-1] in path[:-1] else "is not set"
        raise DeploymentError(f"{' refers to '.join(path)}, which {what}")
    return path[-1]


def _path(known: Mapping[str, str], name: str) -> list[str]:
    """A variable, the one that it refers to, and so on; a circle up to where it closes."""
    path = [name]
    while (value := known.get(path[-1], "")).startswith(VARIABLE) and path[-1] not in path[:-1]:
        path.append(value.removeprefix(VARIABLE).strip())
    return path


def secrets(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of the environment, and of a vault, that must not be seen; the longest first.

    They are read when something is about to be written down that might hold one, and kept nowhere.
    """
    known = os.environ if environment is None else environment
    named = {name for name in known if _SECRET_NAME.search(name)}
    values = {known.get(other, "") for name in named for other in _path(known, name)}
    values |= {found[2] for text in known.values() for found in _IN_ADDRESS.finditer(text)}
    values |= set(revealed())
    return sorted((v for v in values if len(v) >= _SHORTEST_SECRET), key=len, reverse=True)
