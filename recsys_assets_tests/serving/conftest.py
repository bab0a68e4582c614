"""A platform with two bundles, and services that answer from them."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys_assets.home import Home
from recsys_assets.serving.app import build_app
from recsys_assets.serving.bundle import Bundle, load_bundle
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets_tests.serving.published import publish, publish_clicks

HERE = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Platform:
    """What a run leaves behind."""

    home: Home
    old: str
    new: str

    def bundle(self, version: str) -> Bundle:
        return load_bundle(self.home.bundles / version)


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Two bundles of different lists; both have the same click model."""
    home = Home(root=tmp_path_factory.mktemp("platform"))
    home.prepare()
    publish_clicks(home)
    publish(home, seed=3)
    old = write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    publish(home, seed=4)
    new = write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    return Platform(home, old, new)


@pytest.fixture
def bundles(platform: Platform, tmp_path: Path) -> Path:
    """A copy of both bundles of which the old one serves."""
    root = tmp_path / "bundles"
    shutil.copytree(platform.home.bundles, root)
    promote(root, platform.old)
    return root


@pytest.fixture
def settings(bundles: Path, tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        bundles=bundles, feedback=tmp_path / "feedback", workers=1, watch_seconds=0.02, rate=1e6
    )


Start = Callable[..., TestClient]


@pytest.fixture
def start(settings: ServiceSettings) -> Iterator[Start]:
    """Starts the application in this process, with settings of the test's own."""
    clients: list[TestClient] = []

    def begin(**changes: object) -> TestClient:
        chosen = ServiceSettings.model_validate(settings.model_dump() | changes)
        client = TestClient(build_app(chosen), HERE, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        for _ in range(200):
            if client.get("/ready").status_code == 200:
                break
            time.sleep(0.02)
        return client

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start: Start) -> TestClient:
    """The application, ready."""
    return start()


@pytest.fixture
def newest(platform: Platform, start: Start) -> TestClient:
    """A service of the tables as they stand in the lake."""
    client = start(bundles=platform.home.bundles)
    promote(platform.home.bundles, platform.new)
    return start(bundles=platform.home.bundles) if client.get("/ready").is_error else client
