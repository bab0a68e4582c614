"""Servers that take alerts, and a notifier to both."""

from pathlib import Path

import pytest

from recsys_assets.resources.alerts import (
    Notifier,
    WebhookChannel,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    Posts,
    make_certificate,
)
from recsys_assets_tests.resources.alerts.making import (
    email_to,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def notifier(mailbox: Mailbox, posts: Posts, tmp_path: Path) -> Notifier:
    return Notifier(
        email=email_to(mailbox.port),
        webhook=WebhookChannel(url=posts.url),
        ledger_path=str(tmp_path / "state" / "alerts.sqlite"),
    )
