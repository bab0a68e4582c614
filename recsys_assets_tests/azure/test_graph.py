"""The whole graph with its files and tables in Azure, row for row the same as in folders."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.delivery.cosmos_store import CosmosStore
from recsys_assets.delivery.lookup import documents_of, look_up
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets_tests.acceptance.commands import QUICK_JVM, SMALL, environment
from recsys_assets_tests.acceptance.conftest import undisturbed
from recsys_assets_tests.resources.alert_servers import make_certificate
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
    DatabricksDouble,
    databricks_double,
)
from recsys_assets_tests.servers.azurite import ACCOUNT, KEY, Azurite, azurite_server
from recsys_assets_tests.servers.cosmos import KEY as COSMOS_KEY
from recsys_assets_tests.servers.cosmos import Gate
from recsys_assets_tests.servers.mlflow import mlflow_server
from recsys_assets_tests.servers.node import node_modules
from recsys_assets_tests.servers.ports import is_free
from recsys_assets_tests.servers.vault import IDENTITY_HEADER, vault_double

__all__ = ["undisturbed"]
pytestmark = pytest.mark.slow

Prove = Callable[[str, Path, dict[str, str]], dict[str, pl.DataFrame]]
"""Asserts that a home's tables and publications are those of a local run, says so, gives them."""
NOT_DATA = {"run_id", "model_version"}
EMULATOR = 10_000
SPARK = f"""
# Spark's newer driver finds no server here that speaks its protocol; the older knows emulators.
spark.hadoop.fs.abfss.impl  org.apache.hadoop.fs.azure.NativeAzureFileSystem
spark.hadoop.fs.azure.storage.emulator.account.name   {ACCOUNT}.dfs.core.windows.net
spark.hadoop.fs.azure.account.key.{ACCOUNT}.dfs.core.windows.net  {KEY}
"""


def tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table in a fixed order, without what names the run that wrote it."""
    frames = {}
    for name in home.lake.names():
        frame = home.lake.scan(name).collect()
        kept = [column for column in frame.columns if column not in NOT_DATA]
        plain = [c for c in kept if not isinstance(frame.schema[c], pl.List)]
        frames[name] = frame.select(kept).sort(plain)
    return frames


def cloud_tables(home: Path) -> dict[str, pl.DataFrame]:
    """The tables of a home in Azure, read by a process of its own.

    The clients of this one may be open from other tests, to the Azurite that those had.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as readers:
        return readers.submit(tables, Home(root=home, account=ACCOUNT)).result()


def version(home: Path, table: str, environment: dict[str, str]) -> int:
    status = json.loads(recsys(home, "status", "--json", **environment))
    return int(status["tables"][table]["version"])


def recsys(home: Path, *words: str, **more: str) -> str:
    command = [sys.executable, "-m", "recsys_assets.cli", *words]
    done = subprocess.run(
        command, env=environment(home, **more), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def running_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azurite at the one port where Spark looks for an emulator; other tests use other ports."""
    if not is_free(EMULATOR):
        pytest.skip(f"port {EMULATOR} is taken, the only one where Spark looks for an emulator")
    with azurite_server(node_modules(), tmp_path_factory.mktemp("azurite"), EMULATOR) as server:
        yield server


@pytest.fixture
def azure(
    azurite: Azurite, cosmos: Gate, postgres: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The environment of a deployment on Azure: storage, vault, identity, Cosmos DB, warehouse."""
    conf = tmp_path / "spark.conf"
    conf.write_text(QUICK_JVM.read_text(encoding="utf-8") + SPARK, encoding="utf-8")
    certificate = make_certificate(tmp_path)
    with vault_double(certificate) as vault:
        vault.secrets |= {"cosmos-key": COSMOS_KEY, "warehouse": postgres, "databricks": TOKEN}
        yield {
            **azurite.environment,
            "RECSYS_DEPLOYMENT": "azure",
            "RECSYS_AZURE_STORAGE_ACCOUNT": ACCOUNT,
            "RECSYS_AZURE_KEY_VAULT": vault.url,
            "RECSYS_SPARK_CONF": str(conf),
            "RECSYS_LOOKUP": "cosmos",
            "RECSYS_LOOKUP_URL": cosmos.url,
            "RECSYS_LOOKUP_KEY": "keyvault:cosmos-key",
            "RECSYS_WAREHOUSE_URL": "keyvault:warehouse",
            "REQUESTS_CA_BUNDLE": str(certificate),
            "IDENTITY_ENDPOINT": vault.identity_url,
            "IDENTITY_HEADER": IDENTITY_HEADER,
        }


@pytest.fixture
def prove(
    cosmos: Gate, postgres: str, undisturbed: Path, record_property: Callable[[str, str], None]
) -> Prove:
    def prove(what: str, home: Path, environment: dict[str, str]) -> dict[str, pl.DataFrame]:
        cloud = cloud_tables(home)
        said = assert_same_tables(home, cloud, undisturbed, environment)
        assert_published(cloud, cosmos, postgres)
        record_property("figure", f"{what}: {said}")
        return cloud

    return prove


def test_the_graph_in_azure_makes_the_same_rows_and_publishes_them(
    azure: dict[str, str], prove: Prove, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert "abfss://landing/" in recsys(home, "generate", *SMALL, **azure)
    recsys(home, "run", **azure)
    before = prove("the graph with files and tables in Azurite", home, azure)["user_features"]
    # Nothing but caches, models and Dagster's own lies on this machine.
    assert not {"lake", "landing", "rejected", "lookup.sqlite"} & {p.name for p in home.iterdir()}

    number = version(home, "user_features", azure)
    with on_databricks(home, azure, tmp_path) as (double, where):
        recsys(home, "run", "--select", "user_features", **where)
        assert double.only_run.outcome == "SUCCESS"
        environment = double.only_run.request["tasks"][0]["new_cluster"]["spark_env_vars"]
        assert environment["AZURE_CLIENT_SECRET"] == "{{secrets/recsys/client-secret}}"
    assert version(home, "user_features", azure) == number + 1
    assert_frame_equal(cloud_tables(home)["user_features"], before)


@pytest.mark.skipif(
    "RECSYS_TEST_DATABRICKS" not in os.environ,
    reason="every step on a cluster of its own: `make test-azure`, in minutes",
)
def test_every_step_on_databricks_makes_the_same_rows(
    azure: dict[str, str], prove: Prove, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with (
        mlflow_server(tmp_path / "mlflow") as registry,
        on_databricks(home, azure, tmp_path) as (double, where),
    ):
        where["RECSYS_MLFLOW_URI"] = registry
        recsys(home, "generate", *SMALL, **where)
        recsys(home, "run", **where)
        assert {run.outcome for run in double.runs.values()} == {"SUCCESS"}
        prove(f"{len(double.runs)} steps on the Databricks double", home, where)
        # What clusters have registered is promoted, and bundled for the service, here.
        assert set(Home(root=home, mlflow=registry).registry.champions()) >= {
            *("als_model", "click_model", "popularity_model", "rank_model"),
        }
        assert len(list((home / "bundles").glob("*/manifest.json"))) == 1


def assert_same_tables(
    home: Path, cloud: dict[str, pl.DataFrame], undisturbed: Path, environment: dict[str, str]
) -> str:
    """The tables in Azure hold the rows of a run without it; how many, in words."""
    status = json.loads(recsys(home, "status", "--json", **environment))
    assert all(f["read"] == f["accepted"] + f["quarantined"] for f in status["files"])
    local = tables(Home(root=undisturbed))
    assert local.keys() == cloud.keys()
    assert [name for name, frame in local.items() if not frame.equals(cloud[name])] == []
    rows = sum(frame.height for frame in cloud.values())
    return f"{len(cloud)} tables, {rows:,} rows, all equal to those of a local run"


def assert_published(cloud: dict[str, pl.DataFrame], cosmos: Gate, postgres: str) -> None:
    """PostgreSQL and Cosmos DB hold the lists of the table."""
    lists = cloud["top_k"].sort("user", "rank")
    query = 'SELECT "user", rank, item, score, reason FROM recsys.top_k ORDER BY "user", rank'
    with psycopg.connect(postgres) as connection:
        found = connection.execute(query).fetchall()
    columns = ["user", "rank", "item", "score", "reason"]
    # A REAL arrives as the shortest decimals that name it.
    rows = pl.DataFrame(found, lists.select(columns).schema, orient="row")
    assert_frame_equal(rows, lists.select(columns), rel_tol=1e-6)
    store = CosmosStore(cosmos.url, COSMOS_KEY, options={"enable_endpoint_discovery": False})
    titles = cloud["movie_features"].select("item", "title")
    versioned = lists.with_columns(model_version=pl.lit(1))
    for user, text in documents_of(versioned, titles):
        kept = look_up(store, user)
        assert kept is not None and kept[1] == json.loads(text)


@contextmanager
def on_databricks(
    home: Path, azure: dict[str, str], folder: Path
) -> Iterator[tuple[DatabricksDouble, dict[str, str]]]:
    """Clusters that read and write the same containers, and the environment that asks for them."""
    home.mkdir(exist_ok=True)
    cache = current_deployment().home.cache
    with databricks_double(folder / "databricks", cache) as double:
        pairs = (line.split(maxsplit=1) for line in SPARK.splitlines() if line[:5] == "spark")
        double.conf = dict(pairs)
        double.own = {name: value for name, value in azure.items() if name[:5] == "AZURE"}
        yield (
            double,
            {
                **azure,
                "RECSYS_DATABRICKS_HOST": double.url,
                "RECSYS_DATABRICKS_VOLUME": double.volume,
                "RECSYS_DATABRICKS_TOKEN": "keyvault:databricks",
                "RECSYS_MLFLOW_URI": Home(root=home).registry.uri,
            },
        )
