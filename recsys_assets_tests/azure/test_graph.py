"""The whole graph with its files and tables in Azure, row for row the same as in folders."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.delivery.cosmos_store import CosmosStore
from recsys_assets.delivery.lookup import documents_of, look_up
from recsys_assets.home import Home
from recsys_assets_tests.acceptance.commands import SMALL, environment
from recsys_assets_tests.acceptance.conftest import undisturbed
from recsys_assets_tests.resources.alert_servers import make_certificate
from recsys_assets_tests.resources.databricks.double import TOKEN, databricks_double
from recsys_assets_tests.servers.azurite import ACCOUNT, KEY, Azurite
from recsys_assets_tests.servers.cosmos import KEY as COSMOS_KEY
from recsys_assets_tests.servers.cosmos import Gate
from recsys_assets_tests.servers.postgres import find_programs, postgres_server
from recsys_assets_tests.servers.vault import IDENTITY_HEADER, vault_double

__all__ = ["undisturbed"]
pytestmark = pytest.mark.slow

NOT_DATA = {"run_id", "model_version"}
PROGRAMS = find_programs()
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


def recsys(home: Path, *words: str, **more: str) -> str:
    command = [sys.executable, "-m", "recsys_assets.cli", *words]
    done = subprocess.run(
        command, env=environment(home, **more), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres_server(PROGRAMS) as known:
        yield psycopg.conninfo.make_conninfo(**known)


@pytest.fixture
def azure(
    azurite: Azurite, cosmos: Gate, postgres: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The environment of a deployment on Azure: storage, vault, identity, Cosmos DB, warehouse."""
    if azurite.blob_port != 10_000:
        pytest.skip("port 10000 is taken, the only one where Spark looks for an emulator")
    conf = tmp_path / "spark.conf"
    conf.write_text(SPARK, encoding="utf-8")
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


def test_the_graph_in_azure_makes_the_same_rows_and_publishes_them(
    azure: dict[str, str], cosmos: Gate, postgres: str, undisturbed: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert "abfss://landing/" in recsys(home, "generate", *SMALL, **azure)
    recsys(home, "run", **azure)
    status = json.loads(recsys(home, "status", "--json", **azure))
    assert all(f["read"] == f["accepted"] + f["quarantined"] for f in status["files"])

    local, cloud = tables(Home(root=undisturbed)), tables(Home(root=home, account=ACCOUNT))
    assert local.keys() == cloud.keys()
    assert [name for name, frame in local.items() if not frame.equals(cloud[name])] == []
    # Nothing but caches, models and Dagster's own lies on this machine.
    assert not {"lake", "landing", "rejected", "lookup.sqlite"} & {p.name for p in home.iterdir()}

    lists = local["top_k"].sort("user", "rank")
    query = 'SELECT "user", rank, item, score, reason FROM recsys.top_k ORDER BY "user", rank'
    with psycopg.connect(postgres) as connection:
        found = connection.execute(query).fetchall()
    columns = ["user", "rank", "item", "score", "reason"]
    # A REAL arrives as the shortest decimals that name it.
    rows = pl.DataFrame(found, lists.select(columns).schema, orient="row")
    assert_frame_equal(rows, lists.select(columns), rel_tol=1e-6)
    store = CosmosStore(cosmos.url, COSMOS_KEY, options={"enable_endpoint_discovery": False})
    titles = local["movie_features"].select("item", "title")
    versioned = cloud["top_k"].with_columns(model_version=pl.lit(1))
    for user, text in documents_of(versioned, titles):
        kept = look_up(store, user)
        assert kept is not None and kept[1] == json.loads(text)

    _one_step_on_databricks(home, azure, cloud["user_features"], tmp_path)


def _one_step_on_databricks(
    home: Path, azure: dict[str, str], before: pl.DataFrame, tmp_path: Path
) -> None:
    """The same table, made by a cluster that reads and writes the same containers."""
    lake = Home(root=home, account=ACCOUNT).lake
    version = lake.version("user_features")
    with databricks_double(tmp_path / "databricks", home / "cache") as double:
        pairs = (line.split(maxsplit=1) for line in SPARK.splitlines() if line[:5] == "spark")
        double.conf = dict(pairs)
        double.own = {name: value for name, value in azure.items() if name[:5] == "AZURE"}
        where = {
            "RECSYS_DATABRICKS_HOST": double.url,
            "RECSYS_DATABRICKS_VOLUME": double.volume,
            "RECSYS_DATABRICKS_TOKEN": "keyvault:databricks",
        }
        recsys(home, "run", "--select", "user_features", **azure, **where)
        assert double.only_run.outcome == "SUCCESS"
        environment = double.only_run.request["tasks"][0]["new_cluster"]["spark_env_vars"]
        assert environment["AZURE_CLIENT_SECRET"] == "{{secrets/recsys/client-secret}}"
    assert lake.version("user_features") == version + 1
    after = tables(Home(root=home, account=ACCOUNT))["user_features"]
    assert_frame_equal(after, before)
