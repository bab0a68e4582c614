"""A run over many drops tells of each partition what became of its own files."""

import datetime
from typing import Any

import dagster as dg
from pydantic import BaseModel

from recsys_assets.assets.partitions import DROPS, range_tags
from recsys_assets.assets.validated import validated_assets
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import DAY, NEXT_DAY, csv_of, place, ratings


def run_range(
    session: Session, *days: datetime.date, instance: dg.DagsterInstance | None = None
) -> dg.ExecuteInProcessResult:
    """Validate ratings in Dagster, on the session of the tests: those of a range, or of no drop."""

    class Here(Compute):
        def run(self, context: dg.AssetExecutionContext, step: Any, params: Any) -> StepReport:
            assert isinstance(params, BaseModel)
            report: StepReport = step(session, params)
            return report

    validates = next(asset for asset in validated_assets if dg.AssetKey("ratings") in asset.keys)
    job = dg.define_asset_job("ratings", partitions_def=DROPS, executor_def=dg.in_process_executor)
    definitions = dg.Definitions(assets=[validates], jobs=[job], resources={"compute": Here()})
    return definitions.resolve_job_def("ratings").execute_in_process(
        tags=range_tags(list(days)) if days else {}, raise_on_error=False, instance=instance
    )


def test_each_partition_shows_its_own_drop(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]))
    place(session, csv_of(ratings(5, user=2)), "later.csv", date=NEXT_DAY)
    result = run_range(session, DAY, NEXT_DAY)
    assert result.success
    shown = {
        (str(event.asset_key and event.asset_key.path[-1]), event.partition): event.materialization
        for event in result.get_asset_materialization_events()
    }
    assert len(shown) == 4
    for table in ("ratings", "quarantine_ratings"):
        first = shown[table, DAY.isoformat()].metadata
        second = shown[table, NEXT_DAY.isoformat()].metadata
        assert (first["read"].value, first["quarantined"].value) == (10, 1)
        assert (second["read"].value, second["quarantined"].value) == (5, 0)
        assert "ratings.csv" in str(first["Files"].value)
        assert "later.csv" not in str(first["Files"].value)
        assert "later.csv" in str(second["Files"].value)
        assert first["dagster/row_count"].value == {"ratings": 14}.get(table, 1)


def test_the_columns_in_the_ui_are_those_of_the_tables(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]))
    assert run_range(session, DAY, DAY).success
    (validates,) = (asset for asset in validated_assets if dg.AssetKey("ratings") in asset.keys)
    for spec in validates.specs:
        shown = [column.name for column in spec.metadata["dagster/column_schema"].columns]
        fields = session.lake.open(spec.metadata["dagster/table_name"]).schema().fields
        assert sorted(shown) == sorted(field.name for field in fields)


def test_a_run_of_a_range_that_fails_shows_the_files_of_all_drops(session: Session) -> None:
    place(session, csv_of(ratings(9)))
    place(session, "<html>\n</html>\n", "page.csv", date=NEXT_DAY)
    result = run_range(session, DAY, NEXT_DAY)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    said = str(data.metadata["Files"].value)
    assert "ratings.csv" in said and "page.csv" in said


def test_good_drops_of_a_run_that_fails_are_recorded_and_bad_ones_are_not(session: Session) -> None:
    place(session, csv_of([*ratings(9), "bad"]))
    place(session, "<html>\n</html>\n", "page.csv", date=NEXT_DAY)
    tables = [dg.AssetKey("quarantine_ratings"), dg.AssetKey("ratings")]
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_range(session, DAY, NEXT_DAY, instance=instance)
        assert not result.success
        events = instance.event_log_storage
        unmade = events.get_latest_asset_partition_materialization_attempts_without_materializations
        for table in tables:
            assert instance.get_materialized_partitions(table) == {DAY.isoformat()}
            assert {*unmade(table)} == {NEXT_DAY.isoformat()}
        event = instance.get_latest_materialization_event(tables[1])
        assert event is not None and event.asset_materialization is not None
        rows = event.asset_materialization.metadata
        assert (rows["dagster/row_count"].value, rows["read"].value) == (9, 10)
        assert "ratings.csv" in str(rows["Files"].value)
        assert rows["run"].value == result.run_id
        # 'Re-execute from asset failure', pressed once a correction has landed, validates it.
        plan = instance.get_execution_plan_snapshot(
            str(result.dagster_run.execution_plan_snapshot_id)
        )
        assert {*tables} <= instance.run_domain.get_keys_to_reexecute(result.run_id, plan)[0]
