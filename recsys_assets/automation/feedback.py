"""The job that lands what the service was told of clicks and impressions."""

import datetime

import dagster as dg

from recsys_assets.lake.journals import land_journals
from recsys_assets.resources.storage import Storage


@dg.op(out=dg.Out(dg.Nothing))
def land_closed_journals(context: dg.OpExecutionContext, storage: Storage) -> None:
    """Copy the service's journals of all days before today into the landing zone."""
    today = datetime.datetime.now(datetime.UTC).date()
    landed = land_journals(storage.state.feedback, storage.landing_zone, today)
    context.log.info(f"landed {len(landed)} journals of feedback")


@dg.job(description="Land what the service was told of clicks and impressions.")
def land_feedback() -> None:
    """Land the journals of days that are over."""
    land_closed_journals()
