"""What every connection to a server has: a time limit, trust, and secrets that nobody sees.

Secrets may be given as text, as pydantic `SecretStr` or as `dg.EnvVar`. They are left out of every
repr, and struck out of every error and log line.
"""

import ssl
from typing import Annotated

import dagster as dg
from pydantic import BeforeValidator, ConfigDict, Field, SecretStr


def _reveal(value: object) -> object:
    # Secrets read from files end in a newline more often than not, and no header accepts one.
    revealed = value.get_secret_value() if isinstance(value, SecretStr) else value
    return revealed.strip() if type(revealed) is str else revealed


_HIDDEN = Field(repr=False, json_schema_extra={"dagster__is_secret": True})
Secret = Annotated[str, BeforeValidator(_reveal), _HIDDEN]
OptionalSecret = Annotated[str | None, BeforeValidator(_reveal), _HIDDEN]
OptionalReference = Annotated[str | None, BeforeValidator(_reveal), Field(repr=False)]
"""A secret that the UI shows by its reference. For a `Secret` the launchpad writes asterisks
among the settings it proposes, and a run launched with them takes these for the secret."""


def redact(text: str, secrets: list[str]) -> str:
    """Replace every secret that occurs in `text`, as it is or in a repr, by `***`."""
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if form}
    for form in sorted(forms, key=len, reverse=True):  # the longest first: one may contain another
        text = text.replace(form, "***")
    return text


def describe(error: BaseException) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {error}"


class Connection(dg.Config):
    """How a server is reached."""

    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    timeout_seconds: float = 10.0
    """Longest wait for any single answer of the server, from its request to its last byte."""
    ca_file: str | None = None
    """PEM file of the certificate authorities to trust; those of the system if not given."""

    def tls(self) -> ssl.SSLContext:
        """Settings under which the server's certificate is verified."""
        return ssl.create_default_context(cafile=self.ca_file)
