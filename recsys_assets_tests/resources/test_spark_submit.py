"""Steps handed to `spark-submit`: on a standalone cluster of two workers, and what failures say."""

import datetime
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyspark.sql import SparkSession

from recsys_assets.assets import materialize
from recsys_assets.assets.partitions import DROPS
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.resources.compute import LocalSpark
from recsys_assets.resources.spark_submit import SparkSubmit
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.servers.spark_cluster import SparkCluster

DAY = datetime.date(2025, 3, 2)
SIZE = MovieLensSize(users=80, movies=300, ratings=4_000, days=30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A master and two workers of one core each, on loopback."""
    with SparkCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def here(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The validated ratings of a run without a cluster."""
    home = fresh(tmp_path_factory.mktemp("here") / "home")
    local = Session(spark, home.lake, home.landing_zone, home.registry, run_id="here")
    report = validate_drops(local, ValidationParams(dataset="ratings", dates=[DAY]))
    assert report.rows["ratings"] > 0
    return validated(home)


def validated(home: Home) -> pl.DataFrame:
    return home.lake.scan("ratings").collect().sort("user", "item")


def fresh(root: Path) -> Home:
    home = Home(root=root)
    root.mkdir(parents=True)
    (root / "cache").symlink_to(current_deployment().home.cache)
    home.prepare()
    files = write_movielens(root / "files", SIZE, 7, DAY, 1)
    for file in files:
        home.landing_zone.land(file.path, file.dataset, file.date)
    return home


def materialized(compute: SparkSubmit | LocalSpark, dataset: str) -> dg.ExecuteInProcessResult:
    params = ValidationParams(dataset=dataset, dates=[DAY])

    @dg.asset(output_required=False, partitions_def=DROPS)
    def probe(context: dg.AssetExecutionContext, compute: SparkSubmit):  # type: ignore[no-untyped-def]
        yield from materialize.run_step(context, compute, validate_drops, params)

    return dg.materialize(
        [probe],
        resources={"compute": compute},
        instance=dg.DagsterInstance.ephemeral(),
        partition_key=DAY.isoformat(),
        raise_on_error=False,
    )


def submitting(home: Home, master: str) -> SparkSubmit:
    return SparkSubmit(
        home=str(home.root),
        master=master,
        driver_memory="1g",
        conf={"spark.executor.memory": "1g", "spark.cores.max": "2"},
    )


@pytest.mark.slow
def test_a_step_on_a_cluster_makes_the_rows_it_makes_here(
    cluster: SparkCluster, here: pl.DataFrame, tmp_path: Path
) -> None:
    there = fresh(tmp_path / "there")
    compute = submitting(there, cluster.address)
    result = materialized(compute, "ratings")
    assert result.success
    assert result.get_asset_materialization_events()
    assert_frame_equal(validated(there), here)

    missing = materialized(compute, "no-such-data-set")
    (failure,) = [event for event in missing.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description or ""  # type: ignore[union-attr]
    assert f"failed on {cluster.address}: KeyError" in description


@pytest.mark.slow
def test_a_step_outlives_one_of_the_workers(
    cluster: SparkCluster, here: pl.DataFrame, tmp_path: Path
) -> None:
    there = fresh(tmp_path / "there")
    before = set(cluster.executors())

    def kill() -> None:
        while len(set(cluster.executors()) - before) < 2:
            time.sleep(0.02)
        cluster.kill_worker()

    with ThreadPoolExecutor() as pool:
        killed = pool.submit(kill)
        result = materialized(submitting(there, cluster.address), "ratings")
        killed.result(timeout=1)
    assert result.success
    assert_frame_equal(validated(there), here)


def test_masters_that_are_not_local_are_submitted_to() -> None:
    assert isinstance(current_deployment({"RECSYS_SPARK_MASTER": "local[3]"}).compute(), LocalSpark)
    for name in ("spark://host:7077", "yarn", "k8s://https://host:6443"):
        compute = current_deployment({"RECSYS_SPARK_MASTER": name}).compute()
        assert isinstance(compute, SparkSubmit) and compute.master == name
