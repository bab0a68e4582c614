"""A server that closes the session at a recipient costs nobody their digest."""

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from recsys_assets.home import Home
from recsys_assets.resources.digests import MailingError
from recsys_assets_tests.resources.alert_servers import Mailbox
from recsys_assets_tests.resources.test_digests import address, deliver, mailer, publish, received


def test_a_server_that_closes_at_a_recipient_gets_the_rest_later(
    home: Home, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home)
    closing = [address(2)]

    async def rcpt(s: Mailbox, _: SMTP, __: Session, e: Envelope, to: str, ___: list[str]) -> str:
        if to in closing:
            closing.remove(to)
            return "421 4.7.0 too many recipients, closing"
        e.rcpt_tos.append(to)
        return "250 OK"

    monkeypatch.setattr(Mailbox, "handle_RCPT", rcpt)
    with pytest.raises(MailingError, match=r"1 digests sent.*421"):
        deliver(home, mailer(home, mailbox.port))
    assert deliver(home, mailer(home, mailbox.port))["unknown, not sent again"] == 0
    assert received(mailbox) == [address(1), address(2), address(3)]


@pytest.mark.parametrize(("word", "unknown"), [("MAIL", 0), ("RCPT", 0), ("DATA", 1)])
def test_of_a_connection_that_ends_only_a_mail_whose_text_had_begun_is_unknown(
    home: Home, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, word: str, unknown: int
) -> None:
    publish(home)
    method, left = getattr(SMTP, f"smtp_{word}"), [1, 1]

    async def broken(server: SMTP, text: str) -> None:
        if left and left.pop() and not left:  # at the second mail
            assert server.transport is not None
            server.transport.close()
        else:
            await method(server, text)

    monkeypatch.setattr(SMTP, f"smtp_{word}", broken)
    with pytest.raises(MailingError, match="1 digests sent"):
        deliver(home, mailer(home, mailbox.port))
    assert deliver(home, mailer(home, mailbox.port))["unknown, not sent again"] == unknown
    assert len(received(mailbox)) == 3 - unknown
