"""How the service is set up; all of it comes from the environment.

`recsys serve` is given its variables by ``deployment``; the service's own image reads them itself.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

ROLES = ("reader", "scorer", "admin")
_ORIGIN = re.compile(
    r"(?!https://.*:443$|http://.*:80$)"  # left out by browsers
    r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?"
)


class AuthSettings(BaseModel):
    """Whose tokens are taken: Microsoft Entra ID, or another issuer that publishes its keys."""

    issuers: list[str] = Field(min_length=1)
    """Values of ``iss``, e.g. https://login.microsoftonline.com/TENANT/v2.0."""
    audiences: list[str] = Field(min_length=1)
    """Values of ``aud``: the application's id, and its URI if tokens of version 1 are taken."""
    jwks_url: str
    """Where the issuer's keys are, e.g.
    https://login.microsoftonline.com/TENANT/discovery/v2.0/keys."""
    leeway: int = Field(default=60, ge=0, le=300)
    """Seconds by which clocks may differ."""
    refresh_seconds: float = Field(default=6 * 3600, gt=0)
    """Age at which known keys are fetched anew."""
    cooldown_seconds: float = Field(default=30, ge=0)
    """Unknown keys in tokens make the service fetch at most this often."""

    @field_validator("jwks_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        secure = url.startswith("https://")
        if not secure and not url.startswith(("http://127.0.0.1:", "http://localhost:")):
            raise ValueError("keys are fetched by https only, except from this machine")
        return url


class ServiceSettings(BaseModel):
    """Everything about the service that differs from one place to the next."""

    bundles: Path
    """Folder of the bundles and the pointer."""
    feedback: Path
    """Folder of the feedback journals."""
    host: str = "127.0.0.1"
    """Address to listen on; without tokens a loopback address only."""
    port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=2, ge=1)
    """Processes."""
    auth: AuthSettings | None = None
    """Whose tokens are asked for; None asks for none."""
    rate: float = Field(default=200.0, gt=0)
    """Requests per second that one caller may make on average, over all workers; each lets its
    share pass."""
    burst: int = Field(default=1_000, ge=1)
    """Requests that one caller may make at once, over all workers."""
    origins: list[str] = Field(default_factory=list)
    """Origins of other sites whose pages may ask, e.g. https://shop.example; none by default."""
    watch_seconds: float = Field(default=1.0, gt=0)
    """How often the pointer is looked at."""
    patience_seconds: float = Field(default=30.0, gt=0)
    """How long a request's head may take to come, and how long its body: who is slower, or gone, is
    let go."""

    @field_validator("origins")
    @classmethod
    def _named(cls, origins: list[str]) -> list[str]:
        if "*" in origins:
            raise ValueError("name the origins; * would let every page ask")
        for origin in origins:
            # Compared letter by letter with what browsers send, it would never let anybody in.
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin: write it as https://shop.example, in small letters, "
                    "without a slash at the end, signs such as * or the port that is meant anyway"
                )
        return origins

    @model_validator(mode="after")
    def _is_guarded(self) -> "ServiceSettings":
        if self.auth is None and not is_loopback(self.host):
            raise ValueError(
                f"the service would listen on {self.host} without asking for tokens: set "
                "RECSYS_SERVE_ISSUERS, RECSYS_SERVE_AUDIENCES and RECSYS_SERVE_JWKS_URL, "
                "or listen on 127.0.0.1"
            )
        return self


def settings_of(known: Mapping[str, str]) -> dict[str, Any]:
    """Settings of the variables RECSYS_SERVE_…; only those that are set."""

    def value(name: str) -> str:
        # From a file or a block of YAML they come with a line end, of which no address knows.
        return known.get(f"RECSYS_SERVE_{name}", "").strip()

    def listed(name: str) -> list[str]:
        return [part.strip() for part in value(name).split(",") if part.strip()]

    names = ("bundles", "feedback", "rate", "burst")
    settings: dict[str, Any] = {n: value(n.upper()) for n in names if value(n.upper())}
    settings["origins"] = listed("ORIGINS")
    # One of them is enough to say that tokens are wanted: who forgot another must be told, not let
    # everybody in who comes by way of a proxy on this machine.
    if listed("ISSUERS") or listed("AUDIENCES") or value("JWKS_URL"):
        settings["auth"] = {
            "issuers": listed("ISSUERS"),
            "audiences": listed("AUDIENCES"),
            "jwks_url": value("JWKS_URL"),
        }
    return settings


def in_words(error: ValidationError) -> str:
    """What is wrong with the settings, by the variables or options that hold them."""

    def told(place: tuple[int | str, ...], message: str) -> str:
        names = [str(part).upper() for part in place if part != "auth"]
        variable = "_".join(["RECSYS_SERVE", *names]) + ": " if names else ""
        if place and place[0] in ("host", "port", "workers"):
            variable = f"--{place[0]}: "
        return variable + message.removeprefix("Value error, ")

    return "; ".join(told(found["loc"], found["msg"]) for found in error.errors())


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
