"""SMTP within a time limit: a command goes out, a whole answer comes in time or not at all."""

import io
import smtplib
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


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


class Punctual(smtplib.SMTP):
    """A session whose time limit is that of a whole answer.

    That of a socket begins anew with each byte: a server that drips would hold us for hours.
    """

    text_begun = False
    """Whether the server was asked to take the text of the latest mail: it may have arrived."""
    _answers: _Answers | None = None

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """Begin a mail, of whose text the server knows nothing yet."""
        self.text_begun = False
        return super().mail(sender, options)

    def data(self, msg: "ReadableBuffer | str") -> tuple[int, bytes]:
        """Give the server the text."""
        self.text_begun = True
        return super().data(msg)

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


class PunctualSSL(Punctual, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte on."""
