"""Passwords, tokens and secret addresses are shown nowhere."""

import logging
import traceback
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.resources.alerts import (
    AlertDeliveryError,
    ChannelError,
    EmailChannel,
    Notifier,
    WebhookChannel,
)
from recsys_assets_tests.resources.alert_servers import (
    Posts,
)
from recsys_assets_tests.resources.alerts.making import (
    PASSWORD,
    TOKEN,
    email_to,
    make_alert,
)

# The server warns that it accepts a login without STARTTLS; the connection is already encrypted.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


def test_no_repr_shows_them() -> None:
    notifier = Notifier(
        email=email_to(587, security="starttls", username="alerts", password=PASSWORD),
        webhook=WebhookChannel(url="https://h.org/hooks/K3Y", bearer_token=TOKEN),
        ledger_path="alerts.sqlite",
    )
    shown = repr(notifier) + str(notifier) + repr(notifier.email) + repr(notifier.webhook)
    assert "alerts.sqlite" in shown
    for secret in (PASSWORD, TOKEN, "K3Y"):
        assert secret not in shown


def test_no_error_and_no_log_shows_them(
    posts: Posts, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    path = "hooks/T000/K3Y"
    posts.status, posts.answer = 403, f"no {posts.url} /{path} with Bearer {TOKEN}".encode()
    notifier = Notifier(
        webhook=WebhookChannel(url=posts.url, bearer_token=TOKEN),
        ledger_path=str(tmp_path / "alerts.sqlite"),
    )
    with pytest.raises(AlertDeliveryError, match=r"answered 403: no \*\*\*") as caught:
        notifier.send(make_alert())
    posts.status = 200
    assert notifier.redeliver() == [make_alert().subject]
    stored = (tmp_path / "alerts.sqlite").read_bytes()
    seen = "".join(traceback.format_exception(caught.value)) + caplog.text
    for secret in (TOKEN, path):
        assert secret not in seen
        assert secret.encode() not in stored


@pytest.mark.parametrize("place", [170, 190, 195, 480])
def test_no_part_of_one_is_shown_where_an_answer_is_cut(posts: Posts, place: int) -> None:
    posts.status, posts.answer = 403, b"x" * place + TOKEN.encode()
    with pytest.raises(ChannelError, match="answered 403: x") as caught:
        WebhookChannel(url=posts.url, bearer_token=TOKEN).deliver(make_alert())
    assert TOKEN[:4] not in str(caught.value)


def test_a_token_no_header_can_carry_is_not_shown(posts: Posts) -> None:
    with pytest.raises(ChannelError, match="Illegal header value") as caught:
        WebhookChannel(url=posts.url, bearer_token="t0k\nen").deliver(make_alert())
    assert "t0k" not in str(caught.value)
    assert caught.value.__context__ is None


def test_they_may_come_from_the_environment(
    posts: Posts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_HOOK", posts.url + "\n")
    monkeypatch.setenv("ALERT_TOKEN", TOKEN)
    notifier = Notifier(
        webhook=WebhookChannel(url=dg.EnvVar("ALERT_HOOK"), bearer_token=dg.EnvVar("ALERT_TOKEN")),
        ledger_path=str(tmp_path / "alerts.sqlite"),
    )

    @dg.asset
    def sends(notifier: Notifier) -> None:
        notifier.send(make_alert())

    assert dg.materialize([sends], resources={"notifier": notifier}).success
    assert posts.headers[0]["Authorization"] == f"Bearer {TOKEN}"


def test_they_are_marked_as_secret_for_the_ui() -> None:
    assert EmailChannel.to_fields_dict()["password"].is_secret
    assert WebhookChannel.to_fields_dict()["url"].is_secret
    assert WebhookChannel.to_fields_dict()["bearer_token"].is_secret
    assert not EmailChannel.to_fields_dict()["host"].is_secret
