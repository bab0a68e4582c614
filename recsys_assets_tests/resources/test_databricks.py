"""Steps on a job cluster: what is submitted, what comes back, and what each failure looks like.

Two tests run real steps on a real Spark behind the double; the others replace the wheel's entry
point by a few lines that speak Pipes, so that they need no JVM.
"""

import base64
import datetime
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.pipes import utils as pipes_utils
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from recsys_assets.assets import materialize
from recsys_assets.assets.validated import validated_assets
from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets.home import Home
from recsys_assets.resources.compute import Compute, LocalSpark
from recsys_assets.resources.databricks import RUN_LINK, ClusterSettings, DatabricksSpark
from recsys_assets.resources.wheel import build_wheel
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.validation import ValidationParams, validate_drops
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.resources.databricks_double import (
    TOKEN,
    DatabricksDouble,
    databricks_double,
)

DAY = datetime.date(2025, 3, 2)
SIZE = MovieLensSize(users=80, movies=300, ratings=4_000, days=30)
PARAMS = ValidationParams(dataset="ratings", dates=[DAY])

ANSWER = """
from dagster_pipes import (
    PipesUnityCatalogVolumesContextLoader, PipesUnityCatalogVolumesMessageWriter, open_dagster_pipes
)
with open_dagster_pipes(
    context_loader=PipesUnityCatalogVolumesContextLoader(),
    message_writer=PipesUnityCatalogVolumesMessageWriter(),
) as pipes:
    pipes.report_custom_message({answer})
"""
BEAT = """
import subprocess, sys
beat = "import time\\nwhile True:\\n    open('beat', 'a').write('.')\\n    time.sleep(0.05)"
subprocess.run([sys.executable, "-c", beat])
"""


@pytest.fixture
def double(tmp_path: Path) -> Iterator[DatabricksDouble]:
    with databricks_double(tmp_path / "databricks", current_deployment().home.cache) as double:
        yield double


@pytest.fixture
def settings(double: DatabricksDouble, home: Home) -> dict[str, Any]:
    """Steps run behind the double, on the tables of `home`."""
    return {
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


def run_step_as_asset(
    compute: Compute, params: ValidationParams = PARAMS
) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    @dg.asset(output_required=False)
    def probe(context: dg.AssetExecutionContext, compute: Compute) -> Any:
        yield from materialize.run_step(context, compute, validate_drops, params)

    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize(
        [probe], resources={"compute": compute}, instance=instance, raise_on_error=False
    )
    return result, instance


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, dict[str, Any]]:
    """Description and metadata of the asset's one failure, which nothing may materialize beside."""
    assert not result.success
    assert not result.get_asset_materialization_events()
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return data.description or "", {name: entry.value for name, entry in data.metadata.items()}


def everything_written(instance: dg.DagsterInstance, run_id: str, double: DatabricksDouble) -> str:
    """Dagster's events, what was submitted, and all the cluster had or printed."""
    events = [str(entry) for entry in instance.all_logs(run_id)]
    requests = [json.dumps(run.request) for run in double.runs.values()]
    files = [path for path in (double.root / "clusters").rglob("*") if path.is_file()]
    contents = [path.read_bytes().decode("utf-8", "replace") for path in files]
    return "\n".join([*events, *requests, *contents])


@pytest.mark.slow
@pytest.mark.usefixtures("spark")
def test_a_step_gives_the_same_report_and_tables_as_here(
    cluster: DatabricksSpark,
    double: DatabricksDouble,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    reports: list[StepReport] = []
    to_metadata = materialize.metadata_of

    def keep(report: StepReport) -> dict[str, Any]:
        reports.append(report)
        return to_metadata(report)

    monkeypatch.setattr(materialize, "metadata_of", keep)
    here = Home(root=tmp_path / "here")
    here.root.mkdir()
    here.cache.symlink_to(current_deployment().home.cache)
    here.prepare()
    ratings = write_movielens(tmp_path / "drop", SIZE, 3, DAY, 1)[1].path
    with ratings.open("a", encoding="utf-8") as file:
        file.write("7,11,9.5,1740900000\nseven,11,4.0,1740900000\n")
    for place in (home, here):
        place.landing_zone.land(ratings, "ratings", DAY)
    (asset,) = [a for a in validated_assets if dg.AssetKey("ratings") in a.keys]
    local = LocalSpark(home=str(here.root), master="local[2]", driver_memory="2g")
    instance = dg.DagsterInstance.ephemeral()
    results = [
        dg.materialize(
            [asset],
            partition_key=DAY.isoformat(),
            resources={"compute": compute},
            instance=instance,
        )
        for compute in (cluster, local)
    ]

    there, expected = reports
    assert there.links.pop(RUN_LINK) == double.only_run.page
    costs = {name for name in there.figures if name.startswith(("databricks", "vm_", "cost_"))}
    assert len(costs) == 5
    for name in costs:
        del there.figures[name]
    assert there == expected
    assert there.drops[DAY.isoformat()]["quarantined"] == 2
    for table, key in (("ratings", ["user", "item"]), ("files", ["file"])):
        assert_frame_equal(
            home.lake.scan(table).sort(key).collect(), here.lake.scan(table).sort(key).collect()
        )
    rejected = home.lake.scan("quarantine_ratings").collect()
    assert set(rejected["run_id"]) == {results[0].run_id}
    assert rejected["rules"].to_list() == (
        here.lake.scan("quarantine_ratings").collect()["rules"].to_list()
    )
    (event, _) = results[0].get_asset_materialization_events()
    assert event.materialization.metadata[RUN_LINK].value == double.only_run.page

    printed = "".join(capfd.readouterr())
    assert TOKEN not in everything_written(instance, results[0].run_id, double)
    assert TOKEN not in caplog.text + printed + repr(cluster)
    assert not list(Path(double.volume).rglob("*.json"))


@pytest.mark.slow
def test_a_failing_step_fails_the_asset_with_its_own_words(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    books = ValidationParams(dataset="books", dates=[DAY])
    result, instance = run_step_as_asset(cluster, books)
    description, metadata = failure_of(result)
    assert description == (
        "recsys_assets.steps.validation:validate_drops failed on Databricks: KeyError: 'books'\n"
        f"Run: {double.only_run.page}"
    )
    assert metadata == {RUN_LINK: double.only_run.page}
    assert double.only_run.outcome == "FAILED"
    assert TOKEN not in everything_written(instance, result.run_id, double)


def test_a_step_with_nothing_to_do_is_a_success_that_materializes_nothing(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.program = ANSWER.format(answer={"report": {"skipped": "nothing landed"}})
    result, _ = run_step_as_asset(cluster)
    assert result.success
    assert not result.get_asset_materialization_events()
    (wheel,) = (Path(double.volume) / "wheels").iterdir()
    assert_is_as_documented(double.only_run.request, wheel)


def assert_is_as_documented(request: dict[str, Any], wheel: Path) -> None:
    """A classic job cluster of one to three workers that lacks nothing and knows no secret."""
    (task,) = request["tasks"]
    assert task["python_wheel_task"] == {
        "package_name": "recsys_assets",
        "entry_point": "recsys-step",
    }
    assert task["libraries"] == [
        {"whl": str(wheel)},
        {"maven": {"coordinates": "com.microsoft.azure:synapseml-lightgbm_2.12:1.1.3"}},
    ]
    machines = task["new_cluster"]
    assert machines["autoscale"] == {"min_workers": 1, "max_workers": 3}
    assert machines["node_type_id"] == "Standard_D4ds_v5"
    assert machines["spark_version"] == "15.4.x-scala2.12"
    assert machines["data_security_mode"] == "SINGLE_USER"
    assert set(machines["spark_env_vars"]) == {"DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"}
    assert request["timeout_seconds"] == 4 * 3600
    assert request["run_name"].startswith("recsys_assets.steps.validation:validate_drops ")
    assert TOKEN not in json.dumps(request)


def test_large_plots_arrive_whole_through_an_overloaded_service(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    picture = bytes(range(256)) * 4 * 4096
    made = "bytes(range(256)) * 4 * 4096"
    text = f"__import__('base64').b64encode({made}).decode()"
    double.program = ANSWER.format(answer=f"{{'report': {{'plots': {{'Large': {text}}}}}}}")
    double.refusals.extend([429, 503, 503])
    result, _ = run_step_as_asset(cluster)
    assert result.success
    assert double.refused == 3
    (event,) = result.get_asset_materialization_events()
    assert base64.b64encode(picture).decode() in str(event.materialization.metadata["Large"].value)


def test_a_success_without_a_report_is_a_failure(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.program = "pass"
    description, metadata = failure_of(run_step_as_asset(cluster)[0])
    assert double.only_run.outcome == "SUCCESS"
    assert "no report of the step arrived" in description
    assert metadata[RUN_LINK] == double.only_run.page


@pytest.mark.parametrize(
    ("program", "changes", "expected"),
    [
        (
            "raise ImportError('no lightgbm here')",
            {},
            "FAILED: Workload failed, see run output for details: ImportError: no lightgbm here",
        ),
        ("import time; time.sleep(60)", {"timeout_seconds": 1}, "TIMEDOUT: Run timed out"),
        ("", {"wheel": "/Volumes/missing.whl"}, "Library installation failed"),
    ],
)
def test_what_databricks_says_of_a_failed_run_is_told(
    settings: dict[str, Any],
    double: DatabricksDouble,
    program: str,
    changes: dict[str, Any],
    expected: str,
) -> None:
    double.program = program or None
    compute = DatabricksSpark(**{**settings, **changes})
    description, metadata = failure_of(run_step_as_asset(compute)[0])
    assert expected in description
    assert metadata[RUN_LINK] == double.only_run.page


LOSE_THE_DRIVER = """
import os, pathlib, signal
lost = pathlib.Path({marks!r})
lost.mkdir(exist_ok=True)
if len(list(lost.iterdir())) < {times}:
    (lost / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_step_whose_driver_is_lost_is_submitted_again(
    cluster: DatabricksSpark, double: DatabricksDouble, tmp_path: Path
) -> None:
    lose = LOSE_THE_DRIVER.format(marks=str(tmp_path / "lost"), times=1)
    double.program = lose + ANSWER.format(answer="{'report': {}}")
    result, _ = run_step_as_asset(cluster)
    assert result.success
    assert [run.outcome for run in double.runs.values()] == ["FAILED", "SUCCESS"]


def test_a_driver_that_is_lost_again_fails_the_asset_and_is_told_from_an_error_of_the_step(
    cluster: DatabricksSpark, double: DatabricksDouble, tmp_path: Path
) -> None:
    double.program = LOSE_THE_DRIVER.format(marks=str(tmp_path / "lost"), times=9)
    description, metadata = failure_of(run_step_as_asset(cluster)[0])
    assert "DRIVER_ERROR: The Spark driver has stopped unexpectedly" in description
    assert len(double.runs) == 2 and metadata[RUN_LINK] == double.runs[1002].page


def test_the_package_is_uploaded_once_under_a_name_of_its_content(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.program = ANSWER.format(answer="{'report': {}}")
    assert run_step_as_asset(cluster)[0].success
    (wheel,) = (Path(double.volume) / "wheels").iterdir()
    written = wheel.stat().st_mtime_ns
    assert run_step_as_asset(cluster)[0].success
    assert [*wheel.parent.iterdir()] == [wheel] and wheel.stat().st_mtime_ns == written
    used = {run.request["tasks"][0]["libraries"][0]["whl"] for run in double.runs.values()}
    assert used == {str(wheel)}
    name, content = build_wheel()
    assert name == wheel.name and content == wheel.read_bytes()


def test_a_run_tells_what_it_cost_at_least_and_at_most(
    settings: dict[str, Any], double: DatabricksDouble
) -> None:
    double.program = "import time; time.sleep(1)" + ANSWER.format(answer="{'report': {}}")
    result, _ = run_step_as_asset(DatabricksSpark(**settings))
    (event,) = result.get_asset_materialization_events()
    told = {name: value.value for name, value in event.materialization.metadata.items()}
    assert told["databricks_hours"] > 1 / 3600
    assert told["vm_hours_at_least"] == pytest.approx(2 * told["databricks_hours"], abs=2e-4)
    assert told["vm_hours_at_most"] == pytest.approx(4 * told["databricks_hours"], abs=4e-4)
    hourly = 0.226 + 1.0 * 0.30  # Standard_D4ds_v5 and its Databricks unit
    assert told["cost_at_most_usd"] == pytest.approx(told["vm_hours_at_most"] * hourly, abs=2e-4)
    unpriced = {**settings, "cluster": {"node_type": "Standard_Nobody_v9"}}
    assert run_step_as_asset(DatabricksSpark(**unpriced))[0].success


def test_a_refused_token_is_told_but_not_shown(
    settings: dict[str, Any], double: DatabricksDouble
) -> None:
    wrong = "dapi-a-token-that-was-revoked"
    result, instance = run_step_as_asset(DatabricksSpark(**{**settings, "token": wrong}))
    description, _ = failure_of(result)
    assert "could not be uploaded to Databricks: Forbidden" in description
    assert not double.runs
    assert wrong not in everything_written(instance, result.run_id, double)


def when(ready: Callable[[], bool], act: Callable[[], None]) -> None:
    """Do something beside the test, once it is so far."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if ready():
                return act()
            time.sleep(0.05)

    Thread(target=wait, daemon=True).start()


def interrupt() -> None:
    """Interrupt this process, as a deployment or a cancelled run does."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def endless(settings: dict[str, Any], double: DatabricksDouble) -> DatabricksSpark:
    """A run that ends only because somebody ends it, in a process of a process."""
    double.program = BEAT
    return DatabricksSpark(**{**settings, "timeout_seconds": 30})


def assert_stands_still(double: DatabricksDouble) -> None:
    beat = double.root / "clusters" / "1001" / "beat"
    before = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == before


def test_an_interrupted_run_is_cancelled_and_fails(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    when((double.root / "clusters" / "1001" / "beat").exists, interrupt)
    result, _ = run_step_as_asset(endless)
    assert not result.success
    assert not result.get_asset_materialization_events()
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.error is not None
    assert event.step_failure_data.error.cls_name == "DagsterExecutionInterruptedError"
    assert double.only_run.outcome == "CANCELED"
    assert_stands_still(double)


def test_a_run_is_cancelled_even_if_its_number_never_arrived(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.submit_seconds = 20
    when((double.root / "clusters" / "1001" / "beat").exists, interrupt)
    result, _ = run_step_as_asset(endless)
    assert not result.success
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)


def test_a_run_that_cannot_be_followed_any_more_is_cancelled(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    beat = double.root / "clusters" / "1001" / "beat"
    when(beat.exists, lambda: double.refusals.append(500))
    description, metadata = failure_of(run_step_as_asset(endless)[0])
    assert "cancelled, because its state could not be asked for: try again later" in description
    assert metadata[RUN_LINK] == double.only_run.page
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)


DATABRICKS = {
    "RECSYS_HOME": "/state",
    "RECSYS_DATABRICKS_HOST": "https://adb-1.azuredatabricks.net",
    "RECSYS_DATABRICKS_WHEEL": "/Volumes/main/recsys/wheels/recsys_assets-0.1.0-py3-none-any.whl",
    "RECSYS_DATABRICKS_VOLUME": "/Volumes/main/recsys/pipes/",
}


def test_a_host_in_the_environment_sends_steps_to_databricks() -> None:
    assert isinstance(current_deployment({}).compute(), LocalSpark)
    environment = {
        **DATABRICKS,
        "RECSYS_DATABRICKS_TOKEN": TOKEN,
        "RECSYS_DATABRICKS_HOME": "/Volumes/main/recsys/state",
        "RECSYS_DATABRICKS_MAX_WORKERS": "8",
    }
    deployment = current_deployment(environment)
    compute = deployment.compute()
    assert isinstance(compute, DatabricksSpark)
    assert compute.lake == "/Volumes/main/recsys/state/lake"
    assert compute.volume == "/Volumes/main/recsys/pipes"
    assert compute.cluster.max_workers == 8
    assert TOKEN not in repr(deployment) + repr(compute)


def test_the_token_is_looked_up_when_a_step_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSYS_DATABRICKS_TOKEN", raising=False)
    compute = current_deployment(DATABRICKS).compute()

    @dg.asset
    def probe(compute: Compute) -> None: ...

    definitions = dg.Definitions([probe], resources={"compute": compute})
    dg.Definitions.validate_loadable(definitions)
    with pytest.raises(dg.DagsterInvalidConfigError, match="RECSYS_DATABRICKS_TOKEN"):
        definitions.resolve_implicit_global_asset_job_def().execute_in_process()


def test_what_databricks_needs_is_named() -> None:
    environment = {**DATABRICKS, "RECSYS_DATABRICKS_VOLUME": ""}
    with pytest.raises(DeploymentError, match="RECSYS_DATABRICKS_VOLUME is not set"):
        current_deployment(environment)


def test_more_workers_at_least_than_at_most_are_refused() -> None:
    with pytest.raises(ValidationError, match="max_workers 1 < min_workers 2"):
        ClusterSettings(min_workers=2, max_workers=1)
