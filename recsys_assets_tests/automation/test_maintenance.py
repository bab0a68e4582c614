"""Tidying keeps what can be rolled back to, and removes the rest."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable
from pydantic import ValidationError

from recsys_assets.automation.maintenance import TidyConfig, forget_runs, tidy
from recsys_assets.home import Home
from recsys_assets.lake.tables import Lake
from recsys_assets.lake.tidying import tidy_table, tidy_tables
from recsys_assets.resources.alerts import Alert, DeliveryLedger, Severity
from recsys_assets.resources.storage import Storage


@dg.asset
def made() -> None: ...


def parquet(home: Home, table: str) -> set[Path]:
    return set(Path(home.lake.uri(table)).rglob("*.parquet"))


def test_old_files_and_those_of_killed_runs_go_and_the_newest_version_stays(home: Home) -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    for _ in range(3):
        home.lake.write_frame(frame, "top_k")
    current = {Path(path) for path in home.lake.open("top_k").file_uris()}
    orphan = Path(home.lake.uri("top_k")) / "part-of-a-killed-run.parquet"
    frame.write_parquet(orphan)
    assert tidy_table(home.lake, "top_k", 30) == [], "nothing is old yet"
    month_ago = time.time() - 40 * 24 * 3600
    os.utime(orphan, (month_ago, month_ago))
    tidy_table(home.lake, "top_k", 30)
    assert orphan not in parquet(home, "top_k")
    assert len(parquet(home, "top_k")) == 3, "versions of the last days can be rolled back to"
    tidy_table(home.lake, "top_k", 0)
    assert parquet(home, "top_k") == current
    assert home.lake.scan("top_k").collect().equals(frame)


def test_rows_that_are_appended_while_a_table_is_tidied_stay(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"user": [1]})
    home.lake.append(frame, "subscribers")
    open_table = Lake.open

    def open_before_an_append(lake: Lake, table: str) -> DeltaTable:
        monkeypatch.setattr(Lake, "open", open_table)
        found = lake.open(table)
        lake.append(frame, table)
        return found

    uncommitted = Path(home.lake.uri("subscribers")) / "part-of-now.parquet"
    frame.write_parquet(uncommitted)
    monkeypatch.setattr(Lake, "open", open_before_an_append)
    assert tidy_table(home.lake, "subscribers", 0) == []
    assert home.lake.scan("subscribers").collect().height == 2
    assert uncommitted.is_file()


def test_what_a_run_without_room_left_goes_at_once_and_versions_stay(home: Home) -> None:
    for rows in range(1, 4):
        day = {"drop_date": "2026-01-31"}
        frame = pl.DataFrame({"a": range(rows), "drop_date": ["2026-01-31"] * rows})
        home.lake.write_frame(frame, "ratings", day)
    held = parquet(home, "ratings")
    folder = Path(home.lake.uri("ratings")) / "drop_date=2026-01-31"
    left, written = folder / "part-of-tonight.parquet", folder / "part-of-now.parquet"
    for path in (left, written):
        path.write_bytes(b"half a file")
    for path in (*held, left):  # as in a copy, which brings no times along
        hour_ago = time.time() - 3600
        os.utime(path, (hour_ago, hour_ago))
    assert tidy_table(home.lake, "ratings", 30) == ["drop_date=2026-01-31/part-of-tonight.parquet"]
    assert parquet(home, "ratings") == held | {written}
    assert home.lake.scan("ratings", 0).collect().height == 1, "an old version can still be read"


def test_what_a_run_that_died_had_staged_goes_at_once(home: Home) -> None:
    home.lake.write_frame(pl.DataFrame({"a": [1]}), "top_k")
    # Accepted ratings wait there until it is known which are doubles: on a full disk, all of them.
    staged = home.lake.staging("validate-ratings") / "rows.arrow"
    staged.write_bytes(b"half a file")
    assert tidy_tables(home.lake, 30) == {"top_k": 0, "_staging": 1}
    assert not staged.exists()
    assert tidy_tables(home.lake, 30) == {"top_k": 0, "_staging": 0}


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
