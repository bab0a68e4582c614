"""Mail: the server that takes it, and the channel that tells people by it."""

import hashlib
import io
import logging
import re
import smtplib
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, localtime, parseaddr
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys_assets.resources.alerts.channels import Channel, ChannelError
from recsys_assets.resources.alerts.connection import Connection, OptionalSecret, describe
from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.alerts.rendering import html_page, plain_text

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

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


class _Answers(io.RawIOBase):
    """What a server says; whoever reads on after the latest moment finds a timeout."""

    latest = 0.0

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        left = self.latest - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.connection.settimeout(left)
        return self.connection.recv_into(buffer)


class _Punctual(smtplib.SMTP):
    """A session whose time limit is that of a whole answer.

    That of a socket begins anew with each byte: a server that drips would hold us for hours.
    """

    _answers: _Answers | None = None

    def getreply(self) -> tuple[int, bytes]:
        """An answer of the server; with a new connection, or one newly encrypted, others begin."""
        if self.file is None and self.sock is not None:
            self._answers = _Answers(self.sock)
            self.file = io.BufferedReader(self._answers)
        if self._answers is not None:
            self._answers.latest = time.monotonic() + self.timeout
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)


class _PunctualSsl(_Punctual, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte on."""


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
    def session(self) -> Iterator[smtplib.SMTP]:
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

    def _connect(self) -> smtplib.SMTP:
        try:
            if self.security == "ssl":
                return _PunctualSsl(
                    self.host, self.port, timeout=self.timeout_seconds, context=self.tls()
                )
            return _Punctual(self.host, self.port, timeout=self.timeout_seconds)
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
