"""The mailer: digests -> ledger -> mail server; bounces are set apart.

A mail whose address the server refuses for good quarantines that; one that it refuses for now or
for reasons of its own, or that never reached it, waits for the next run. Where it cannot be known,
it is not sent again.
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
from recsys_assets.resources.alerts.punctual import Punctual
from recsys_assets.resources.azure.secrets import reveal, reveal_all
from recsys_assets.resources.digests import ledger as states
from recsys_assets.resources.digests.ledger import MailLedger
from recsys_assets.resources.digests.links import unsubscribe_link
from recsys_assets.resources.digests.rendering import Digest
from recsys_assets.resources.digests.subscriptions import set_apart

_PREVIEWS = 3


class MailingError(Exception):
    """The mail server takes mails no more, or never did; those that are left wait."""


@dataclass
class MailingReport:
    """What became of the digests of one run."""

    sent: int = 0
    silent: int = 0
    """Users who had this mail, or another one of late."""
    waiting: int = 0
    """Refused for now; the next run tries again."""
    bounced: list[tuple[Digest, str]] = field(default_factory=list)
    """Digests whose address is set apart, and why."""
    denied: str = ""
    """How the server last refused a mail for good, whoever is to get it."""


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
            MailingError: the server stopped taking mails, or takes none.
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
            self._set_apart(report)
        if report.denied and not report.sent:
            reason = redact(report.denied, [server.password or ""])
            raise MailingError(
                f"the mail server takes no digest: {reason}. Correct the settings (RECSYS_SMTP_…,"
                " RECSYS_DIGEST_SENDER) or what the server allows. All of them wait: run the asset"
                " digests again then."
            )
        return report

    def _set_apart(self, report: MailingReport) -> None:
        """Quarantine what bounced; where nobody got a mail, it is the server and no address."""
        if not report.sent and len(report.bounced) > _WRONG_ALONE:
            for digest, why in report.bounced:
                self.ledger.settle(digest.publication, digest.user, states.WAITING, why)
                report.denied = why
            report.waiting += len(report.bounced)
            report.bounced.clear()
        lake = Home(root=Path(self.home), account=self.account).lake
        set_apart(lake, [(digest.user, digest.address, why) for digest, why in report.bounced])

    def _send_one(self, session: Punctual, digest: Digest, report: MailingReport) -> None:
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
            # Refused before or after the recipient: it is the mail or the server, not the address.
            self.ledger.settle(*key, states.WAITING, str(refusal.smtp_code))
            report.waiting += 1
            if refusal.smtp_code >= _FOR_GOOD:
                report.denied = _said(refusal.smtp_code, refusal.smtp_error)
            if refusal.smtp_code == _SHUTTING_DOWN:
                raise
        except OSError:  # the connection has ended
            if not session.text_begun:
                self.ledger.settle(*key, states.WAITING, "no connection")
                report.waiting += 1
            raise
        except ValueError as error:  # an address that no header can hold
            self._refused(digest, 553, str(error).encode(), report)
        else:
            self.ledger.settle(*key, states.SENT)
            report.sent += 1

    def _refused(self, digest: Digest, code: int, answer: bytes, report: MailingReport) -> None:
        reason = _said(code, answer)
        is_ours = code in _LOGIN_WANTED or answer.startswith(_POLICY)
        if code >= _FOR_GOOD and not is_ours:
            self.ledger.settle(digest.publication, digest.user, states.REFUSED, reason)
            report.bounced.append((digest, reason))
        else:
            self.ledger.settle(digest.publication, digest.user, states.WAITING, reason)
            report.waiting += 1
            if is_ours:
                report.denied = reason


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return clean_line(f"{code} {text}", 200)


_FOR_GOOD = 500
"""SMTP answers from here on are final; below, the server may take the mail later."""
_LOGIN_WANTED, _POLICY = (530, 535), b"5.7."
"""Answers to a recipient that say nothing of the address: who we are is what the server minds, as
where it relays nothing for us (RFC 3463)."""
_WRONG_ALONE = 2
"""So many addresses may be wrong in a run in which nobody gets a mail."""
_SHUTTING_DOWN = 421
