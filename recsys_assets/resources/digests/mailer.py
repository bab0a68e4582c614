"""The mailer: digests -> ledger -> mail server; bounces are set apart.

A mail that the server refuses for good quarantines its address; one that it refuses for now, or
that never reached it, waits for the next run. Where it cannot be known, it is not sent again.
"""

import smtplib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from pydantic import ConfigDict

from recsys_assets.home import Home
from recsys_assets.resources.alerts.channels import ChannelError
from recsys_assets.resources.alerts.connection import OptionalReference, describe, redact
from recsys_assets.resources.alerts.mail import MailServer
from recsys_assets.resources.alerts.message import clean_line
from recsys_assets.resources.azure.secrets import reveal, reveal_all
from recsys_assets.resources.digests import ledger as states
from recsys_assets.resources.digests.ledger import MailLedger
from recsys_assets.resources.digests.links import unsubscribe_link
from recsys_assets.resources.digests.rendering import Digest
from recsys_assets.resources.digests.subscriptions import set_apart

_PREVIEWS = 3


class MailingError(Exception):
    """The mail server stopped taking mails; those that are left wait for the next run."""


@dataclass
class MailingReport:
    """What became of the digests of one run."""

    sent: int = 0
    silent: int = 0
    """Users who had this mail, or another one of late."""
    waiting: int = 0
    """Refused for now; the next run tries again."""
    bounced: list[tuple[int, str, str]] = field(default_factory=list)
    """User, address and reason of addresses that were set apart."""


class Digests(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Sends digests."""

    model_config = ConfigDict(hide_input_in_errors=True, use_attribute_docstrings=True)

    home: str
    """Folder of all state."""
    account: str = ""
    """Storage account of Azure; none: all local."""
    server: MailServer | None = None
    """Mail server; none: digests can only be rendered."""
    public_url: str = ""
    """Where users reach what answers ``/unsubscribe``; none: digests can only be rendered."""
    signing_key: OptionalReference = None
    """Signs unsubscribe links; none: digests can only be rendered."""

    @property
    def can_send(self) -> bool:
        """Whether there is a mail server, and an address and a key for the links."""
        return self.server is not None and bool(self.public_url) and bool(self.signing_key)

    @property
    def ledger(self) -> MailLedger:
        """Who was sent what."""
        return MailLedger(Home(root=Path(self.home)).digests)

    def link(self, user: int) -> str:
        """The link by which a user unsubscribes.

        Raises:
            SecretError: a vault keeps the key and does not give it.
        """
        # Whoever sees the settings knows a reference, and could sign with it.
        return unsubscribe_link(self.public_url, user, reveal(self.signing_key or "dry run"))

    def render(self, digests: Iterable[Digest]) -> list[Path]:
        """Write the first few digests as pages and texts instead of sending any: their pages."""
        folder = Home(root=Path(self.home)).reports / "digests"
        folder.mkdir(parents=True, exist_ok=True)
        pages = []
        for digest in list(digests)[:_PREVIEWS]:
            page = folder / f"{digest.user}.html"
            page.write_text(digest.html(), encoding="utf-8")
            page.with_suffix(".txt").write_text(digest.text(), encoding="utf-8")
            pages.append(page)
        return pages

    def send(self, digests: Iterable[Digest], min_hours: float) -> MailingReport:
        """Send digests to those who have not had them.

        Args:
            digests: what there is to send.
            min_hours: least time between two mails to one user.

        Raises:
            MailingError: the server stopped taking mails.
            SecretError: a vault keeps its password and does not give it.
        """
        assert self.server is not None
        server = reveal_all(self.server)
        report, ledger = MailingReport(), self.ledger
        try:
            with server.session() as session:
                for digest in digests:
                    if not ledger.claim(digest.publication, digest.user, min_hours):
                        report.silent += 1
                        continue
                    self._send_one(session, digest, report)
        except (ChannelError, smtplib.SMTPException, OSError) as error:
            reason = clean_line(redact(describe(error), [server.password or ""]), 300)
            raise MailingError(
                f"{report.sent} digests sent, then the mail server failed: {reason}. "
                "The rest waits: run the asset digests again."
            ) from None
        finally:
            set_apart(Home(root=Path(self.home), account=self.account).lake, report.bounced)
        return report

    def _send_one(self, session: smtplib.SMTP, digest: Digest, report: MailingReport) -> None:
        assert self.server is not None
        key = (digest.publication, digest.user)
        try:
            session.send_message(digest.mail(self.server))
        except smtplib.SMTPRecipientsRefused as refusal:
            code, answer = next(iter(refusal.recipients.values()))
            self._refused(digest, code, answer, report)
            if code == _SHUTTING_DOWN:  # the session is closed: another claim would be lost in it
                raise smtplib.SMTPResponseException(code, answer) from None
        except smtplib.SMTPResponseException as refusal:
            # Refused after the recipient: it is the mail or the server, not the address.
            self.ledger.settle(*key, states.WAITING, str(refusal.smtp_code))
            report.waiting += 1
            if refusal.smtp_code == _SHUTTING_DOWN:
                raise
        except ValueError as error:  # an address that no header can hold
            self._refused(digest, 553, str(error).encode(), report)
        else:
            self.ledger.settle(*key, states.SENT)
            report.sent += 1

    def _refused(self, digest: Digest, code: int, answer: bytes, report: MailingReport) -> None:
        reason = clean_line(f"{code} {answer.decode('utf-8', 'replace')}", 200)
        if code >= _FOR_GOOD:
            self.ledger.settle(digest.publication, digest.user, states.REFUSED, reason)
            report.bounced.append((digest.user, digest.address, reason))
        else:
            self.ledger.settle(digest.publication, digest.user, states.WAITING, reason)
            report.waiting += 1


_FOR_GOOD = 500
"""SMTP answers from here on are final; below, the server may take the mail later."""
_SHUTTING_DOWN = 421
