"""What nobody looks at any more goes: runs, their files, rows of the ledger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from pydantic import ValidationError

from recsys_assets.automation.maintenance import TidyConfig, forget_runs, tidy
from recsys_assets.home import Home
from recsys_assets.resources.alerts import Alert, DeliveryLedger, Severity
from recsys_assets.resources.storage import Storage


@dg.asset
def made() -> None: ...


def test_the_job_counts_what_it_removes(home: Home) -> None:
    home.lake.write_frame(pl.DataFrame({"a": [1]}), "top_k")
    ledger = DeliveryLedger(home.alerts)
    alert = Alert(
        title="t",
        what="w",
        severity=Severity.ERROR,
        since=datetime.now(UTC),
        cause="c",
        event_key="e",
    )
    ledger.admit(alert, ["email"])
    ledger.claim("e", "email")
    ledger.settle("e", "email")
    config = {"ops": {"tidy_home": {"config": {"ledger_days": 0}}}}
    resources = {"storage": Storage(home=str(home.root))}
    assert tidy.execute_in_process(config, resources=resources).success
    assert ledger.targets("e") == []


@pytest.mark.parametrize("field", list(TidyConfig.model_fields))
def test_days_in_the_launchpad_say_what_they_mean_and_are_refused_below_none(field: str) -> None:
    # Runs created before a day to come are all of them.
    with pytest.raises(ValidationError, match="greater than or equal to 0") as refused:
        TidyConfig.model_validate({field: -90})
    assert refused.value.errors()[0]["loc"] == (field,)
    assert TidyConfig.model_fields[field].description


def test_old_runs_go_but_for_those_that_ingest(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        kept = {}
        for name in ("ingest", "publish"):
            defs = dg.Definitions(assets=[made], jobs=[dg.define_asset_job(name, [made])])
            run = defs.resolve_job_def(name).execute_in_process(instance=instance)
            kept[name] = run.run_id
        later = datetime.now(UTC) + timedelta(days=1)
        assert forget_runs(instance, datetime.now(UTC) - timedelta(days=1)) == 0
        assert forget_runs(instance, later) == 1
        assert {run.run_id for run in instance.get_runs()} == {kept["ingest"]}


def test_of_a_run_that_is_removed_nothing_stays_on_the_disk(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    runs, outputs = home.dagster / "history" / "runs", home.dagster / "storage"
    with dg.DagsterInstance.get() as instance:
        made_by = {}
        for name in ("ingest", "publish", "weekly"):
            defs = dg.Definitions(assets=[made], jobs=[dg.define_asset_job(name, [made])])
            run = defs.resolve_job_def(name).execute_in_process(instance=instance)
            made_by[name] = run.run_id
            assert (runs / f"{run.run_id}.db").is_file()
        instance.report_runless_asset_event(dg.AssetMaterialization("by_hand"))
        instance.delete_run(made_by["weekly"])  # as in the UI
        assert (runs / f"{made_by['weekly']}.db").is_file()
        assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        left = {made_by["ingest"]}
        assert {path.stem for path in runs.glob("????????-*")} == left
        assert {path.name for path in outputs.glob("????????-*")} <= left
        assert instance.get_latest_materialization_event(dg.AssetKey("by_hand"))
        assert instance.get_records_for_run(made_by["ingest"]).records


def test_the_output_of_removed_runs_goes_too_where_one_database_holds_all(tmp_path: Path) -> None:
    """As in the images, whose records lie in PostgreSQL and whose output on a volume."""
    events = {
        "module": "dagster._core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(tmp_path)},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path), {"event_log_storage": events}) as instance:
        job = dg.Definitions(assets=[made], jobs=[dg.define_asset_job("publish", [made])])
        run = job.resolve_job_def("publish").execute_in_process(instance=instance)
        output = tmp_path / "storage" / run.run_id / "compute_logs"
        assert any(output.iterdir())
        assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 1
        assert not output.exists()


def test_runs_that_ingest_drops_picked_in_the_ui_stay(tmp_path: Path) -> None:
    days = dg.DailyPartitionsDefinition("2026-01-01")
    landed = dg.asset(name="landed", partitions_def=days)(lambda: None)
    job = dg.Definitions(assets=[landed]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert job.execute_in_process(instance=instance, partition_key="2026-01-10").success
        assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1)) == 0
        assert instance.get_materialized_partitions(landed.key) == {"2026-01-10"}
