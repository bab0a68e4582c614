"""Addresses that variables hold: what is none is told when settings are read, not at night."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from recsys_assets.deployment.errors import DeploymentError
from recsys_assets.deployment.secrets import secret_of, variable_of
from recsys_assets.resources.azure.secrets import PREFIX


def address_of(known: Mapping[str, str], name: str) -> str:
    """The address that a variable holds, empty where it holds none.

    Raises:
        DeploymentError: it is none. An alert would find that out at night, a reader of digests
            by a link that does not let them unsubscribe.
    """
    text = (known.get(name) or "").strip()
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets, or of a port
        fits = False
    if text and (not fits or len(text.split()) > 1):  # not quoted: it may hold a key
        raise DeploymentError(f"{name} is no address: write https://HOST/…")
    return text


def secret_address_of(known: Mapping[str, str], name: str) -> str | None:
    """Where an address is to be looked up that is a secret; one that a vault keeps is not seen."""
    reference, variable = secret_of(known, name), variable_of(known, name)
    if not known[variable].startswith(PREFIX):
        address_of(known, variable)
    return reference
