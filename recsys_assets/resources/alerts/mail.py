"""Mail: the server that takes it, and the channel that tells people by it."""

import hashlib
import logging
import re
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, localtime, parseaddr
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys_assets.resources.alerts.channels import Channel, ChannelError
from recsys_assets.resources.alerts.connection import Connection, OptionalSecret, describe
from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.alerts.punctual import Punctual, PunctualSSL
from recsys_assets.resources.alerts.rendering import html_page, plain_text

logger = logging.getLogger(__name__)

_ONE_ADDRESS = re.compile(r"[^<>;,@]*<[^<>;,\s@]+(@[^<>;,\s@]+)?>|[^<>;,\s@]+(@[^<>;,\s@]+)?")
"""``ann@example.org``, or ``Ann <ann@example.org>``; without a host where the server knows one."""


def check_recipients(recipients: Sequence[str]) -> None:
    """Find out whether each is one address.

    Raises:
        ValueError: one is none, or several: of these the first alone would get the mails.
    """
    for recipient in recipients:
        if not _ONE_ADDRESS.fullmatch(recipient.strip()):
            raise ValueError(f"{recipient!r} is not one address: write commas between several")


class MailServer(Connection):
    """An SMTP server and who sends by it."""

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

    @model_validator(mode="after")
    def _login_is_whole_and_encrypted(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both username and password, or neither")
        if self.password is not None and self.security == "plain":
            raise ValueError("security=plain would send the password in the clear: use starttls")
        return self

    @contextmanager
    def session(self) -> Iterator[Punctual]:
        """A connection, encrypted and logged in as the settings say.

        Raises:
            ChannelError: the server cannot be reached.
            smtplib.SMTPException: it refuses the encryption or the login.
        """
        with closing(self._connect()) as server:
            if self.security == "starttls":
                server.starttls(context=self.tls())
            if self.username is not None and self.password is not None:
                server.login(self.username, self.password)
            yield server
            # The server has taken the mail: a bad goodbye must not make it count as failed.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def message_id(self, name: str) -> str:
        """A Message-ID that follows from a name."""
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
        return f"<{digest}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"

    def _connect(self) -> Punctual:
        try:
            if self.security == "ssl":
                return PunctualSSL(
                    self.host, self.port, timeout=self.timeout_seconds, context=self.tls()
                )
            return Punctual(self.host, self.port, timeout=self.timeout_seconds)
        except (OSError, smtplib.SMTPException) as error:
            where = f"{self.host}:{self.port} ({self.security})"
            raise ChannelError(f"no connection to {where}: {describe(error)}") from error


class EmailChannel(MailServer, Channel):
    """Mail to one or more recipients through an SMTP server."""

    name: ClassVar[str] = "email"

    recipients: list[str] = Field(min_length=1)
    """Addresses that get the mail."""

    @field_validator("recipients")
    @classmethod
    def _each_is_one_address(cls, recipients: list[str]) -> list[str]:
        check_recipients(recipients)
        return recipients

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
        mail["Message-ID"] = self.message_id(alert.event_key)
        if alert.incident not in ("", alert.event_key):
            mail["In-Reply-To"] = mail["References"] = self.message_id(alert.incident)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(plain_text(alert))
        mail.add_alternative(html_page(alert), subtype="html")
        return mail

    def to(self, recipients: list[str]) -> "EmailChannel":
        """The same channel to other people."""
        return self.model_copy(update={"recipients": recipients})

    def _transmit(self, alert: Alert) -> None:
        with self.session() as server:
            refused = server.send_message(self.message(alert))
        if refused:
            logger.error("alert mail was refused for %s: %s", ", ".join(refused), alert.subject)

    def _secrets(self) -> list[str]:
        return [self.password or ""]
