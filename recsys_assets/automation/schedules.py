"""Schedules: drops are ingested, models trained and tables published every day; tidied weekly.

After downtime Dagster makes up for the last tick that was missed. That is enough: ingest takes all
drops that wait, however many, and publish works from the tables as they are.
"""

from functools import partial

import dagster as dg

from recsys_assets.assets.partitions import drop_tags, spans_of, stretches
from recsys_assets.automation.feedback import land_feedback
from recsys_assets.automation.jobs import ingest, publish, weekly
from recsys_assets.automation.maintenance import tidy
from recsys_assets.contracts import DATASETS
from recsys_assets.lake.damage import damage_in_words
from recsys_assets.lake.pending import waiting_drops
from recsys_assets.resources.storage import Storage

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@damage_in_words()
def request_ingest(
    storage: Storage, instance: dg.DagsterInstance, settled_for: float = 0.0
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for a run over all drops that wait, or for some where they lie far apart.

    Args:
        storage: where files land.
        instance: where runs are known.
        settled_for: seconds for which no file of a drop may have changed: it may still be written.
    """
    look = partial(waiting_drops, storage.lake, storage.landing_zone, list(DATASETS), settled_for)
    try:
        drops = look()
    except FileNotFoundError:  # a withdrawal has moved a file away since it was listed
        drops = look()
    if not drops.dates:
        return dg.SkipReason("no file has landed since the last ingest")
    # A run that has done some of its drops still has the others before it.
    unfinished = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    begun = [run for run in unfinished if _validates(run)]
    spans = [(run.run_id, *span) for run in begun for span in spans_of(run.tags)]
    covered = {
        day: {run for run, first, last in spans if first <= str(day) <= last} for day in drops.dates
    }
    free = [day for day, runs in covered.items() if not runs]
    if not free:
        runs = ", ".join(sorted(set().union(*covered.values())))
        return dg.SkipReason(f"on the way to all drops that wait: {runs}")
    # By its key a sensor starts a run once, whatever becomes of it, and a schedule once at a time.
    return [
        dg.RunRequest(run_key=drops.fingerprint(dates), tags=drop_tags(dates))
        for dates in stretches(free)
    ]


def _validates(run: dg.DagsterRun) -> bool:
    """Whether a run validates drops: those of models alone are tagged with what waits, too."""
    chosen = run.asset_selection
    return not chosen or not chosen.isdisjoint(dg.AssetKey(name) for name in DATASETS)


def build_schedules(status: dg.DefaultScheduleStatus) -> list[dg.ScheduleDefinition]:
    """Every schedule.

    Args:
        status: whether they start switched on.
    """

    @dg.schedule(
        job=ingest,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="At 02:00 UTC, validate all drops that landed and are not accounted for yet.",
    )
    def daily_ingest(
        context: dg.ScheduleEvaluationContext, storage: Storage
    ) -> list[dg.RunRequest] | dg.SkipReason:
        return request_ingest(storage, context.instance)

    scheduled = partial(dg.ScheduleDefinition, execution_timezone="UTC", default_status=status)
    daily_feedback = scheduled(
        name="daily_feedback",
        job=land_feedback,
        cron_schedule="30 1 * * *",
        description="At 01:30 UTC, land yesterday's feedback, half an hour before it is validated.",
    )
    daily_publish = scheduled(
        name="daily_publish",
        job=publish,
        cron_schedule="0 3 * * *",
        description="At 03:00 UTC, train, evaluate, promote and publish from the validated tables.",
    )
    weekly_tidy = scheduled(
        name="weekly_tidy",
        job=tidy,
        cron_schedule="0 6 * * 0",
        description="On Sundays at 06:00 UTC, remove old table files, models, runs, ledger rows.",
    )
    weekly_search = scheduled(
        name="weekly_search",
        job=weekly,
        cron_schedule="0 8 * * 6",
        description="On Saturdays at 08:00 UTC, search for better settings, and backtest.",
    )
    return [daily_ingest, daily_publish, daily_feedback, weekly_tidy, weekly_search]


def build_landing_sensor(status: dg.DefaultSensorStatus, settled_for: float) -> dg.SensorDefinition:
    """The sensor that ingests drops when they arrive.

    Args:
        status: whether it starts switched on.
        settled_for: seconds for which no file of a drop may have changed.
    """

    @dg.sensor(
        job=ingest,
        minimum_interval_seconds=30,
        default_status=status,
        description="Runs drops when they arrive, the same files once; "
        "what fails waits for 02:00 UTC.",
    )
    def ingest_landed_drops(
        context: dg.SensorEvaluationContext, storage: Storage
    ) -> list[dg.RunRequest] | dg.SkipReason:
        return request_ingest(storage, context.instance, settled_for)

    return ingest_landed_drops
