"""Channels: how one alert leaves the platform, by e-mail (SMTP) or as JSON posted to a webhook.

`Alert` -> `Channel.deliver` -> a server that accepted the message, or a `ChannelError` that says
why not. A channel is a piece of Dagster configuration: secrets may be given as text, as pydantic
`SecretStr` or as `dg.EnvVar`. They are left out of every repr, and struck out of every error and
log line.
"""

import hashlib
import json
import logging
import smtplib
import ssl
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, localtime, parseaddr
from typing import Annotated, Any, ClassVar, Literal, Self

import dagster as dg
import httpx
from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from recsys_assets.resources.alerts.message import Alert, Severity, clean_line

logger = logging.getLogger(__name__)


class ChannelError(Exception):
    """A channel could not deliver; the text says why and holds no secret."""


def _reveal(value: object) -> object:
    # Secrets read from files end in a newline more often than not, and no header accepts one.
    revealed = value.get_secret_value() if isinstance(value, SecretStr) else value
    return revealed.strip() if type(revealed) is str else revealed


_HIDDEN = Field(repr=False, json_schema_extra={"dagster__is_secret": True})
Secret = Annotated[str, BeforeValidator(_reveal), _HIDDEN]
OptionalSecret = Annotated[str | None, BeforeValidator(_reveal), _HIDDEN]


def redact(text: str, secrets: list[str]) -> str:
    """Replace every secret that occurs in `text`, as it is or in a repr, by `***`."""
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if form}
    for form in sorted(forms, key=len, reverse=True):  # the longest first: one may contain another
        text = text.replace(form, "***")
    return text


class Channel(dg.Config):
    """What every channel has: a name, a time limit, and `deliver`."""

    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    name: ClassVar[str]

    at_least: Severity = Severity.INFO
    """Least urgent alert that this channel gets where no route says otherwise."""
    timeout_seconds: float = 10.0
    """Longest wait for any single answer of the server."""
    ca_file: str | None = None
    """PEM file of the certificate authorities to trust; those of the system if not given."""

    def deliver(self, alert: Alert) -> None:
        """Hand the alert to the server.

        Raises:
            ChannelError: the server could not be reached, or refused the message.
        """
        try:
            self._transmit(alert)
        except Exception as error:  # noqa: BLE001  whatever goes wrong here, the other channels have their turn
            reason = str(error) if isinstance(error, ChannelError) else _describe(error)
        else:
            return
        # Raised outside the handler: a chained exception would carry the secrets into the log.
        raise ChannelError(clean_line(redact(reason, self._secrets()), limit=500))

    @abstractmethod
    def _transmit(self, alert: Alert) -> None:
        """Send the alert; any exception means that it was not delivered."""

    @abstractmethod
    def _secrets(self) -> list[str]:
        """List what no error may show."""

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class EmailChannel(Channel):
    """Mail to one or more recipients through an SMTP server."""

    name: ClassVar[str] = "email"

    host: str
    """Name of the SMTP server."""
    port: int = 587
    """Port of the SMTP server: usually 25 (plain), 587 (starttls) or 465 (ssl)."""
    security: Literal["plain", "starttls", "ssl"] = "starttls"
    """`plain` is not encrypted; `starttls` and `ssl` verify the server's certificate."""
    username: str | None = None
    """Account at the SMTP server; no login if not given."""
    password: OptionalSecret = None
    """Password of the account."""
    sender: str
    """Address in the From header."""
    recipients: list[str] = Field(min_length=1)
    """Addresses that get the mail."""

    @model_validator(mode="after")
    def _login_is_whole_and_encrypted(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both username and password, or neither")
        if self.password is not None and self.security == "plain":
            raise ValueError("security=plain would send the password in the clear: use starttls")
        return self

    def message(self, alert: Alert) -> EmailMessage:
        """Build the mail: plain text with an HTML alternative.

        The Message-ID follows from the event, so that a mail server or client that sees the same
        event twice can tell. What follows the first mail about a trouble is an answer to it.
        """
        mail = EmailMessage()
        mail["Subject"] = alert.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = self._message_id(alert.event_key)
        if alert.incident not in ("", alert.event_key):
            mail["In-Reply-To"] = mail["References"] = self._message_id(alert.incident)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(alert.plain_text())
        mail.add_alternative(alert.html(), subtype="html")
        return mail

    def to(self, recipients: list[str]) -> "EmailChannel":
        """The same channel to other people."""
        return self.model_copy(update={"recipients": recipients})

    def _message_id(self, event_key: str) -> str:
        digest = hashlib.sha256(event_key.encode("utf-8", "replace")).hexdigest()[:32]
        return f"<{digest}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"

    def _transmit(self, alert: Alert) -> None:
        mail = self.message(alert)
        with closing(self._connect()) as server:
            if self.security == "starttls":
                server.starttls(context=self._tls())
            if self.username is not None and self.password is not None:
                server.login(self.username, self.password)
            refused = server.send_message(mail)
            # The server has taken the mail: a bad goodbye must not make it count as failed.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        if refused:
            logger.error("alert mail was refused for %s: %s", ", ".join(refused), alert.subject)

    def _connect(self) -> smtplib.SMTP:
        try:
            if self.security == "ssl":
                return smtplib.SMTP_SSL(
                    self.host, self.port, timeout=self.timeout_seconds, context=self._tls()
                )
            return smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        except (OSError, smtplib.SMTPException) as error:
            where = f"{self.host}:{self.port} ({self.security})"
            raise ChannelError(f"no connection to {where}: {_describe(error)}") from error

    def _secrets(self) -> list[str]:
        return [self.password or ""]


class HookChannel(Channel):
    """Anything that takes a JSON body by POST."""

    max_payload_bytes: int = 24_000
    """Largest body the receiver takes; facts are left out to stay below it."""

    @abstractmethod
    def body(self, alert: Alert) -> bytes:
        """The JSON object that the receiver expects, of at most `max_payload_bytes` bytes."""

    @abstractmethod
    def _address(self) -> str:
        """Where to post."""

    def _headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def _transmit(self, alert: Alert) -> None:
        with (
            _unlogged(self._secrets()),
            httpx.Client(timeout=self.timeout_seconds, verify=self._tls()) as client,
            client.stream(
                "POST", self._address(), content=self.body(alert), headers=self._headers()
            ) as response,
        ):
            if not response.is_success:
                answer = next(response.iter_text(200), "")
                raise ChannelError(f"{response.url.host} answered {response.status_code}: {answer}")

    def _secrets(self) -> list[str]:
        return secret_parts(self._address())


class WebhookChannel(HookChannel):
    """The alert's own fields as JSON, posted to a URL."""

    name: ClassVar[str] = "webhook"

    url: Secret
    """Where to post. A secret: the URL of a hook usually carries its key."""
    bearer_token: OptionalSecret = None
    """Sent as `Authorization: Bearer …` if given."""

    def body(self, alert: Alert) -> bytes:
        """Every field of the alert, and the whole of it as text."""
        return alert.json_payload(self.max_payload_bytes)

    def _address(self) -> str:
        return self.url

    def _headers(self) -> dict[str, str]:
        token = {"Authorization": f"Bearer {self.bearer_token}"} if self.bearer_token else {}
        return super()._headers() | token

    def _secrets(self) -> list[str]:
        return [*super()._secrets(), self.bearer_token or ""]


def secret_parts(url: str) -> list[str]:
    """What no log may show of a URL; a server may quote any part of it in its answer."""
    # scheme: / / authority / path and query
    parts = url.split("/", 3)
    account = parts[2].rpartition("@")[0] if len(parts) > 2 else ""
    return [url, account, parts[3] if len(parts) > 3 else ""]


def fit(alert: Alert, render: Callable[[Alert], dict[str, Any]], max_bytes: int) -> bytes:
    """An alert as JSON in UTF-8, its facts left out from the end until it fits."""
    for shown in range(len(alert.facts), -1, -1):
        body = json.dumps(render(alert.with_facts(shown)), ensure_ascii=False).encode("utf-8")
        if len(body) <= max_bytes:
            break
    return body


@contextmanager
def _unlogged(secrets: list[str]) -> Iterator[None]:
    """Drop records with a secret: httpx logs every URL, httpcore every header of an answer."""

    def holds_no_secret(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return redact(text, secrets) == text

    http_loggers = [logging.getLogger(name) for name in ("httpx", "httpcore.http11")]
    for http_logger in http_loggers:
        http_logger.addFilter(holds_no_secret)
    try:
        yield
    finally:
        for http_logger in http_loggers:
            http_logger.removeFilter(holds_no_secret)
