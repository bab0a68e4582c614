"""Counterparts of Azure on loopback, one of each for all tests here."""

from collections.abc import Iterator

import psycopg
import pytest

from recsys_assets.home import Home
from recsys_assets_tests.servers.azurite import ACCOUNT, Azurite, azurite_server
from recsys_assets_tests.servers.cosmos import Gate, cosmos_server
from recsys_assets_tests.servers.node import node_modules
from recsys_assets_tests.servers.postgres import find_programs, postgres_server


@pytest.fixture(scope="session")
def running_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with azurite_server(node_modules(), tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="session")
def running_cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with cosmos_server(node_modules(), tmp_path_factory.mktemp("cosmos")) as gate:
        yield gate


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """PostgreSQL, by its address."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres_server(programs) as known:
        yield psycopg.conninfo.make_conninfo(**known)


@pytest.fixture
def cosmos(running_cosmos: Gate) -> Gate:
    """Cosmos DB that lets every request through."""
    running_cosmos.refuse_every = running_cosmos.unavailable = running_cosmos.dropped = 0
    return running_cosmos


@pytest.fixture
def azurite(running_azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Azurite:
    """Azurite with empty containers, known to every library of this process."""
    for name, value in running_azurite.environment.items():
        monkeypatch.setenv(name, value)
    running_azurite.clear()
    return running_azurite


@pytest.fixture
def cloud_home(azurite: Azurite, home: Home) -> Home:
    """A home whose files and tables lie in Azure."""
    return Home(root=home.root, account=ACCOUNT)
