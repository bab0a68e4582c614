"""Steps handed to `spark-submit`: on a standalone cluster of two workers, and what failures say."""

import datetime
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyspark
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.assets import materialize
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.resources.compute import LocalSpark
from recsys_assets.resources.jvm import prepare_environment
from recsys_assets.resources.spark_submit import SparkSubmit
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.servers.ports import free_port, start, stop, wait_for_port

DAY = datetime.date(2025, 3, 2)
SIZE = MovieLensSize(users=80, movies=300, ratings=4_000, days=30)
SPARK_HOME = Path(pyspark.__file__).parent


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A master and two workers of one core each, on loopback."""
    prepare_environment()
    folder = tmp_path_factory.mktemp("cluster")
    port, spark_class = free_port(), str(SPARK_HOME / "bin" / "spark-class")
    environment = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1"}
    deploy = "org.apache.spark.deploy"
    address = f"spark://127.0.0.1:{port}"
    where = ["--host", "127.0.0.1", "--webui-port", "0"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        log = folder / "master.log"
        words = [spark_class, f"{deploy}.master.Master", *where, "--port", str(port)]
        started.append(start(words, folder, log, env=environment))
        wait_for_port(port, started[0], log, 60)
        for number in range(2):
            words = [spark_class, f"{deploy}.worker.Worker", *where, "-c", "1", "-m", "2g", address]
            log = folder / f"worker{number}.log"
            started.append(start(words, folder, log, env=environment))
        yield address
    finally:
        for process in reversed(started):
            stop(process)


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

    @dg.asset(output_required=False)
    def probe(context: dg.AssetExecutionContext, compute: SparkSubmit):  # type: ignore[no-untyped-def]
        yield from materialize.run_step(context, compute, validate_drops, params)

    return dg.materialize(
        [probe],
        resources={"compute": compute},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


@pytest.mark.slow
def test_a_step_on_a_cluster_makes_the_rows_it_makes_here(
    master: str, session: Session, tmp_path: Path
) -> None:
    there = fresh(tmp_path / "there")
    compute = SparkSubmit(
        home=str(there.root),
        master=master,
        driver_memory="1g",
        conf={"spark.executor.memory": "1g", "spark.cores.max": "2"},
    )
    result = materialized(compute, "ratings")
    assert result.success
    assert result.get_asset_materialization_events()
    here = fresh(tmp_path / "here")
    local = Session(session.spark, here.lake, here.landing_zone, here.registry, run_id="here")
    report = validate_drops(local, ValidationParams(dataset="ratings", dates=[DAY]))
    assert report.rows["ratings"] > 0
    rows = [h.lake.scan("ratings").collect().sort("user", "item") for h in (there, here)]
    assert_frame_equal(*rows)

    missing = materialized(compute, "no-such-data-set")
    (failure,) = [event for event in missing.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description or ""  # type: ignore[union-attr]
    assert f"failed on {master}: KeyError" in description


def test_masters_that_are_not_local_are_submitted_to() -> None:
    assert isinstance(current_deployment({"RECSYS_SPARK_MASTER": "local[3]"}).compute(), LocalSpark)
    for name in ("spark://host:7077", "yarn", "k8s://https://host:6443"):
        compute = current_deployment({"RECSYS_SPARK_MASTER": name}).compute()
        assert isinstance(compute, SparkSubmit) and compute.master == name
