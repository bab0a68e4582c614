"""Real servers on loopback that receive alerts: SMTP (plain, STARTTLS, SSL) and a webhook."""

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from recsys_assets_tests.servers.http import QuietHandler, http_server
from recsys_assets_tests.servers.ports import free_port

HOST = "127.0.0.1"
ACCOUNT = LoginPassword(b"alerts", b"s3cret-Passw0rd")


def make_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for loopback and its key into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "loopback.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass
class Mailbox:
    """An SMTP server's handler that keeps what it accepted."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuse_with: str | None = None
    refused_recipients: set[str] = field(default_factory=set)
    quit_answer: str = "221 Bye"
    delay: float = 0.0
    """Seconds between taking a mail and saying so."""
    lag: float = 0.0
    """Seconds before anything is said to a recipient's address."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.lag)
        if address in self.refused_recipients:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse_with:
            return self.refuse_with
        assert isinstance(envelope.content, bytes)
        self.envelopes.append(envelope)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        await asyncio.sleep(self.delay)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.quit_answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Accept the one account; only called over an encrypted connection."""
        if data != ACCOUNT:
            return AuthResult(success=False, handled=False, message="535 5.7.8 wrong credentials")
        self.logins.append(data.login.decode())
        return AuthResult(success=True)

    def bodies(self) -> list[str]:
        """Return the plain-text part of every mail."""
        parts = [mail.get_body(("plain",)) for mail in self.mails]
        return [part.get_content().replace("\r\n", "\n") for part in parts if part is not None]


@contextmanager
def smtp_server(security: str = "plain", certificate: Path | None = None) -> Iterator[Mailbox]:
    """Run an SMTP server; with `certificate` it speaks TLS and asks for a login."""
    mailbox = Mailbox(free_port())
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    login: dict[str, Any] = (
        {"authenticator": mailbox.authenticate, "auth_required": True} if tls else {}
    )
    controller = Controller(
        mailbox,
        hostname=HOST,
        port=mailbox.port,
        ssl_context=tls if security == "ssl" else None,
        tls_context=tls if security == "starttls" else None,
        require_starttls=security == "starttls",
        # With `ssl` the connection is encrypted before SMTP begins, which aiosmtpd does not notice.
        auth_require_tls=security == "starttls",
        **login,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@dataclass
class Posts:
    """What a webhook received, and what it answers."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"ok"
    encoding: str = "identity"
    """How it says that the answer is packed."""
    delay: float = 0.0
    """Seconds before a post is taken or answered."""


@contextmanager
def webhook_server() -> Iterator[Posts]:
    """Run a webhook receiver; posts answered with another status than 2xx are not kept."""
    posts = Posts()

    class Receiver(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if posts.delay:
                time.sleep(posts.delay)
                self.close_connection = True
                return
            if 200 <= posts.status < 300:
                posts.bodies.append(json.loads(body))
                posts.headers.append(dict(self.headers))
                posts.sizes.append(len(body))
            self.send_response(posts.status)
            self.send_header("Content-Length", str(len(posts.answer)))
            self.send_header("Location", posts.url)
            self.send_header("Content-Encoding", posts.encoding)
            self.end_headers()
            self.wfile.write(posts.answer)

    with http_server(Receiver) as port:
        posts.url = f"http://{HOST}:{port}/hooks/T000/K3Y"
        yield posts


@contextmanager
def silent_server() -> Iterator[int]:
    """Listen and never answer; yields the port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


@contextmanager
def dripping_server(seconds: float) -> Iterator[int]:
    """Say a byte every tenth of a second, of an answer that has no end; yields the port."""

    def drip() -> None:
        with suppress(OSError), listener.accept()[0] as connection:
            latest = time.monotonic() + seconds
            while time.monotonic() < latest:
                connection.sendall(b"2")
                time.sleep(0.1)

    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        dripping = Thread(target=drip)
        dripping.start()
        yield listener.getsockname()[1]
        dripping.join()
