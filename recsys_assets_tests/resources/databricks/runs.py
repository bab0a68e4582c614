"""A step as an asset on a job cluster, and what is left of its run."""

import datetime
import json
from typing import Any

import dagster as dg

from recsys_assets.assets import materialize
from recsys_assets.assets.partitions import DROPS
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.resources.databricks.double import (
    DatabricksDouble,
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


def run_step_as_asset(
    compute: Compute, params: ValidationParams = PARAMS
) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    @dg.asset(output_required=False, partitions_def=DROPS)
    def probe(context: dg.AssetExecutionContext, compute: Compute) -> Any:
        yield from materialize.run_step(context, compute, validate_drops, params)

    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize(
        [probe],
        resources={"compute": compute},
        instance=instance,
        partition_key=params.dates[0].isoformat(),
        raise_on_error=False,
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
