"""Schedules: drops are ingested, then models trained and tables published, every day.

Once a week all models are judged over several weeks of the past.
"""

import dagster as dg

from recsys_assets.assets.partitions import range_tags
from recsys_assets.automation.jobs import ingest, publish, weekly
from recsys_assets.contracts import DATASETS
from recsys_assets.lake.pending import pending_dates
from recsys_assets.resources.storage import Storage


def build_schedules(status: dg.DefaultScheduleStatus) -> list[dg.ScheduleDefinition]:
    """Both daily schedules and the weekly one.

    Args:
        status: whether they start switched on.
    """

    @dg.schedule(
        job=ingest, cron_schedule="0 2 * * *", execution_timezone="UTC", default_status=status
    )
    def daily_ingest(storage: Storage) -> dg.RunRequest | dg.SkipReason:
        """At 02:00 UTC, every drop that has landed and is not accounted for yet."""
        dates = pending_dates(storage.lake, storage.landing_zone, list(DATASETS))
        if not dates:
            return dg.SkipReason("no file has landed since the last ingest")
        return dg.RunRequest(tags=range_tags(dates))

    daily_publish = dg.ScheduleDefinition(
        name="daily_publish",
        job=publish,
        cron_schedule="0 3 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="At 03:00 UTC, train, evaluate and publish from the validated tables.",
    )
    weekly_backtest = dg.ScheduleDefinition(
        name="weekly_backtest",
        job=weekly,
        cron_schedule="0 5 * * 0",
        execution_timezone="UTC",
        default_status=status,
        description="On Sundays at 05:00 UTC, judge every model by several weeks in turn.",
    )
    return [daily_ingest, daily_publish, weekly_backtest]
