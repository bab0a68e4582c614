"""The command that writes a Databricks Asset Bundle: the same steps as jobs of Databricks' own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from recsys_assets.cli.shared import check_output, console

if TYPE_CHECKING:
    import dagster as dg

app = typer.Typer()

_CONTAINERS = ("lake", "landing", "rejected")
_SHARED: dict[str, Any] = {"max_concurrent_runs": 1, "queue": {"enabled": True}}


@app.command("bundle")
def bundle_command(
    folder: Annotated[Path, typer.Argument(help="Folder of databricks.yml.")],
) -> None:
    """Write the package as a wheel and the graph as jobs, for `databricks bundle deploy`.

    Example: recsys bundle infrastructure/databricks
    """
    from recsys_assets.resources.wheel import build_wheel

    check_output(folder / "jobs" / "ingest.yml")
    name, content = build_wheel()
    for old in (folder / "dist").glob("*.whl"):
        old.unlink()
    for path, text in jobs().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "dist").mkdir(exist_ok=True)
    (folder / "dist" / name).write_bytes(content)
    console.print(f"wrote {', '.join(jobs())} and dist/{name} in {folder}")


def jobs() -> dict[str, str]:
    """Path below the bundle → text, for each job."""
    from recsys_assets.assets import ASSETS
    from recsys_assets.assets.steps import STEP
    from recsys_assets.automation.jobs import is_weekly
    from recsys_assets.contracts import DATASETS
    from recsys_assets.steps.session import name_of
    from recsys_assets.steps.validation.drops import validate_drops

    day = "{{job.parameters.date}}"
    ingest = [
        _task(f"validate_{name}", name_of(validate_drops), {"dataset": name, "dates": [day]}, [])
        for name in DATASETS
    ]
    steps = [asset for asset in ASSETS if any(STEP in spec.metadata for spec in asset.specs)]
    publish = _tasks([asset for asset in steps if not is_weekly(asset)])
    weekly = _tasks([asset for asset in steps if is_weekly(asset)])
    date = {"name": "date", "default": "{{job.start_time.iso_date}}"}
    return {
        "jobs/ingest.yml": _job("ingest", ingest, {"parameters": [date]}),
        "jobs/publish.yml": _job("publish", publish, {}),
        "jobs/weekly.yml": _job("weekly", weekly, {}),
    }


def _tasks(assets: "list[dg.AssetsDefinition]") -> list[dict[str, Any]]:
    """A task for each asset that is a step; it waits for those of the same job only."""
    from recsys_assets.assets.steps import STEP

    specs = {spec.key: spec for asset in assets for spec in asset.specs}
    return [
        _task(
            key.to_user_string(),
            spec.metadata[STEP],
            {},
            [dep.asset_key.to_user_string() for dep in spec.deps if dep.asset_key in specs],
        )
        for key, spec in specs.items()
    ]


def _job(name: str, tasks: list[dict[str, Any]], more: dict[str, Any]) -> str:
    from recsys_assets.resources.azure.identity import cluster_identity
    from recsys_assets.resources.databricks_cluster import ClusterSettings

    cluster = ClusterSettings(node_type="${var.node_type}").spec().as_dict()
    cluster["spark_env_vars"] = cluster_identity("${var.account}")
    job = {
        "name": f"recsys_assets {name}",
        **_SHARED,
        **more,
        "job_clusters": [{"job_cluster_key": "main", "new_cluster": cluster}],
        "tasks": tasks,
    }
    text: str = yaml.safe_dump({"resources": {"jobs": {name: job}}}, sort_keys=False, width=100)
    return f"# Written by `recsys bundle`: change the graph, not this file.\n{text}"


def _task(key: str, step: str, params: dict[str, Any], after: list[str]) -> dict[str, Any]:
    from recsys_assets.resources.databricks_cluster import CLUSTER_PACKAGES, PACKAGE

    order = {
        "step": step,
        "params": params,
        "run_id": "{{job.run_id}}",
        "registry": "${var.registry}",
        **{c: f"abfss://{c}@${{var.account}}.dfs.core.windows.net" for c in _CONTAINERS},
    }
    maven = [{"maven": {"coordinates": name}} for name in CLUSTER_PACKAGES]
    return {
        "task_key": key,
        **({"depends_on": [{"task_key": name} for name in after]} if after else {}),
        "job_cluster_key": "main",
        "python_wheel_task": {
            "package_name": PACKAGE,
            "entry_point": "recsys-order",
            "parameters": [json.dumps(order)],
        },
        "libraries": [{"whl": "../dist/*.whl"}, *maven],
    }
