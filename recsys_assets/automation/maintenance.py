"""Weekly tidying, so that disk stays flat: old table files, models, runs, rows of the ledger."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from pydantic import Field

from recsys_assets.assets.partitions import dates_of
from recsys_assets.lake.tidying import tidy_tables
from recsys_assets.registry.tidying import forget_models
from recsys_assets.resources.alerts import DeliveryLedger
from recsys_assets.resources.ownership import claim
from recsys_assets.resources.run_lock import alone
from recsys_assets.resources.storage import Storage

KEPT_JOBS = ("ingest", "main")
"""Their runs are kept: they tell which drops are materialized."""

_HOUR = 3600


class TidyConfig(dg.Config):
    """How long things are kept."""

    table_days: int = Field(
        default=30, ge=0, description="Days for which versions of tables can be rolled back to."
    )
    model_days: int = Field(
        default=30,
        ge=0,
        description="Days for which versions of models are kept that are not in use.",
    )
    run_days: int = Field(
        default=90, ge=0, description="Days for which runs are kept that ingest no drops."
    )
    ledger_days: int = Field(
        default=60, ge=0, description="Days for which delivered alerts and ended troubles are kept."
    )


@dg.op(pool="lake")
def tidy_home(context: dg.OpExecutionContext, config: TidyConfig, storage: Storage) -> None:
    """Remove what nobody looks at any more; everything removed is counted in the log."""
    home = storage.state
    claim(home)
    with alone(home.root, wait_seconds=_HOUR, tell=context.log.info):
        files = tidy_tables(storage.lake, config.table_days)
        models = forget_models(storage.registry, _ago(config.model_days))
    before = time.time() - config.ledger_days * 24 * _HOUR
    rows = DeliveryLedger(home.alerts).forget(before) if home.alerts.is_file() else 0
    runs = forget_runs(context.instance, _ago(config.run_days))
    context.log.info(
        f"removed: {sum(files.values())} table files, {models} versions of models, {runs} runs,"
        f" {rows} ledger rows"
    )


def _ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def forget_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete finished runs from before a time; how many."""
    ended = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
            dg.DagsterRunStatus.CANCELED,
        ],
        created_before=before,
    )
    runs = [run for run in instance.get_runs(ended) if not _tells_drops(run)]
    for run in runs:
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        instance.delete_run(run.run_id)
    _remove_files_of_deleted_runs(instance)
    return len(runs)


def _remove_files_of_deleted_runs(instance: dg.DagsterInstance) -> None:
    """Remove what Dagster leaves of runs in its home: emptied databases of their size.

    Those of runs that were deleted earlier, or in the UI, go too, with the output of these.
    """
    events = instance.event_log_storage
    if not isinstance(events, SqliteEventLogStorage):
        return
    written = events.get_all_run_ids()  # before it is asked which runs there are: one may begin
    for run_id in {*written} - {*instance.get_run_ids()}:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        for suffix in ("", "-wal", "-shm"):
            Path(f"{events.path_for_shard(run_id)}{suffix}").unlink(missing_ok=True)


def _tells_drops(run: dg.DagsterRun) -> bool:
    """Whether a run ingests drops: by its job, or picked in the UI, where it has none of ours."""
    by_hand = run.job_name.startswith("__") and bool(dates_of(run.tags)[0])
    return run.job_name in KEPT_JOBS or by_hand


@dg.job(tags={"dagster/max_runtime": str(2 * _HOUR)}, executor_def=dg.in_process_executor)
def tidy() -> None:
    """Remove old table files, models, runs and ledger rows."""
    tidy_home()
