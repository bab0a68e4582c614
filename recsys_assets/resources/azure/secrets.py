"""Secrets that Key Vault keeps: settings hold references, and values are fetched where needed.

    RECSYS_SMTP_PASSWORD=keyvault:smtp-password
        -> keyvault:https://recsys.vault.azure.net/smtp-password   in settings; anyone may see it
        -> the value, in the memory of the process that sends

A fetched value is kept for five minutes, so that one replaced in the vault is soon in use.
"""

import time
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from recsys_assets.resources.azure.identity import credential, is_loopback

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

PREFIX = "keyvault:"
KEPT_SECONDS = 300.0

Settings = TypeVar("Settings", bound=BaseModel)
_kept: dict[str, tuple[float, str]] = {}
_fetched: set[str] = set()
"""All values so far: one that was replaced in the vault may open doors for a while yet."""


class SecretError(Exception):
    """A secret that cannot be had; the message names it and holds no value."""


def refer(vault: str, name: str) -> str:
    """The reference to a secret of a vault.

    Args:
        vault: address of the vault, ``https://….vault.azure.net``.
        name: name of the secret.
    """
    return f"{PREFIX}{vault.rstrip('/')}/{name}"


def reveal(setting: str) -> str:
    """The value of a setting: what a reference stands for, and anything else itself.

    Raises:
        SecretError: the vault does not have it, does not give it, or cannot be reached.
    """
    if not setting.startswith(PREFIX):
        return setting
    fetched, value = _kept.get(setting, (0.0, ""))
    if not fetched or time.monotonic() - fetched > KEPT_SECONDS:
        value = _fetch(setting)
        _kept[setting] = (time.monotonic(), value)
        _fetched.add(value)
    return value


def reveal_all(settings: Settings) -> Settings:
    """Settings with every reference among their fields replaced by its value.

    Raises:
        SecretError: as `reveal`.
    """
    values = {
        name: reveal(value)
        for name, value in settings
        if isinstance(value, str) and value.startswith(PREFIX)
    }
    return settings.model_copy(update=values) if values else settings


def revealed() -> list[str]:
    """The values that this process has fetched, for whoever must not write them down."""
    return list(_fetched)


def forget() -> None:
    """Fetch every secret anew from here on."""
    _kept.clear()
    _fetched.clear()
    _client.cache_clear()
    credential.cache_clear()


def _fetch(reference: str) -> str:
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    vault, _, name = reference.removeprefix(PREFIX).rpartition("/")
    try:
        # A value stored from a file ends in a newline more often than not.
        value = (_client(vault).get_secret(name).value or "").strip()
    except ResourceNotFoundError:
        raise SecretError(f"{vault} has no secret {name}") from None
    except AzureError as error:
        reason = " ".join(str(error.message).split())[:300]
        raise SecretError(f"the secret {name} of {vault} cannot be read: {reason}") from None
    if not value:
        raise SecretError(f"the secret {name} of {vault} is empty")
    return value


@lru_cache
def _client(vault: str) -> "SecretClient":
    from azure.keyvault.secrets import SecretClient

    # A double on loopback asks for tokens of Azure's vault, as the real one does.
    return SecretClient(vault, credential(), verify_challenge_resource=not is_loopback(vault))
