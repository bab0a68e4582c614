"""Servers that take alerts, and a tiny platform that sends them."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets_tests.automation.platform import (
    Platform,
    make_notifier,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    Posts,
)


@pytest.fixture
def platform(mailbox: Mailbox, posts: Posts, tmp_path: Path) -> Iterator[Platform]:
    notifier = make_notifier(mailbox, posts, tmp_path)
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Platform(instance, notifier, tmp_path / "home")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's own storage, on disk."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found
