"""A double of Databricks, and a cluster behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._core.pipes import utils as pipes_utils

from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.resources.databricks import DatabricksSpark
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
    DatabricksDouble,
    databricks_double,
)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[DatabricksDouble]:
    with databricks_double(tmp_path / "databricks", current_deployment().home.cache) as double:
        yield double


@pytest.fixture
def settings(double: DatabricksDouble, home: Home) -> dict[str, Any]:
    """Steps run behind the double, on the tables of `home`."""
    return {
        "home": str(home.root),
        "host": double.url,
        "token": TOKEN,
        "volume": double.volume,
        "lake": home.lake.root,
        "landing": str(home.landing_zone.landing),
        "rejected": str(home.landing_zone.rejected),
        "registry": home.registry.uri,
        "poll_seconds": 0.2,
    }


@pytest.fixture
def cluster(settings: dict[str, Any]) -> DatabricksSpark:
    return DatabricksSpark(**settings)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes looks for messages every second, and ten seconds long after a run; that is shorter."""
    monkeypatch.setattr(pipes_utils, "DEFAULT_SLEEP_INTERVAL", 0.1)
    monkeypatch.setattr(pipes_utils, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 1)
