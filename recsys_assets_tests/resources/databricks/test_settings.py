"""What the environment says of Databricks."""

import dagster as dg
import pytest
from pydantic import ValidationError

from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets.resources.compute import Compute, LocalSpark
from recsys_assets.resources.databricks import DatabricksSpark
from recsys_assets.resources.databricks_cluster import ClusterSettings
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
)

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
    assert compute.home == "/state"  # whose lock its runs take
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
    for given, said in (("", "is not set"), ("main.recsys.pipes", "is no folder: write /Volumes/")):
        environment = {**DATABRICKS, "RECSYS_DATABRICKS_VOLUME": given}
        with pytest.raises(DeploymentError, match=f"RECSYS_DATABRICKS_VOLUME {said}"):
            current_deployment(environment)


def test_more_workers_at_least_than_at_most_are_refused() -> None:
    with pytest.raises(ValidationError, match="max_workers 1 < min_workers 2"):
        ClusterSettings(min_workers=2, max_workers=1)
