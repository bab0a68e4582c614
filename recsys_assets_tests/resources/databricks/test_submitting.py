"""What is submitted, what comes back, what is uploaded, and what it cost.

The wheel's entry point is replaced by a few lines that speak Pipes, so that no JVM is needed.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from recsys_assets.home import Home
from recsys_assets.resources.databricks import DatabricksSpark
from recsys_assets.resources.run_lock import alone
from recsys_assets.resources.wheel import build_wheel
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
    DatabricksDouble,
)
from recsys_assets_tests.resources.databricks.runs import (
    ANSWER,
    run_step_as_asset,
)


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
    assert request["run_name"].startswith("recsys_assets.steps.validation.drops:validate_drops ")
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


def test_how_mlflow_logs_in_to_the_workspace_does_not_stand_in_the_way_of_the_token(
    settings: dict[str, Any], double: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", double.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "of-a-service-principal")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "its-secret-that-is-not-asked-for")
    double.program = ANSWER.format(answer="{'report': {}}")
    assert run_step_as_asset(DatabricksSpark(**settings))[0].success


LOOK_AT_THE_LOCK = """
import fcntl
with open({lock!r}, "w") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = 1
    except BlockingIOError:
        free = 0
"""


def test_nobody_else_may_change_tables_while_a_cluster_writes_them(
    cluster: DatabricksSpark, double: DatabricksDouble, home: Home
) -> None:
    look = LOOK_AT_THE_LOCK.format(lock=str(home.root / "run.lock"))
    double.program = look + ANSWER.format(answer="{'report': {'figures': {'free': free}}}")
    result, _ = run_step_as_asset(cluster)
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["free"].value == 0
    with alone(home.root):
        """It is free again."""
