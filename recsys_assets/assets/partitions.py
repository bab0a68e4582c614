"""Daily partitions, one per drop date; and how a run names the drops it works on."""

import datetime
from collections.abc import Iterable, Mapping

import dagster as dg

from recsys_assets.lake.landing import FIRST_DROP

# Today's drop can be worked on today: files of a day are complete when they land.
DROPS = dg.DailyPartitionsDefinition(start_date=FIRST_DROP.isoformat(), end_offset=1)
"""Drop dates since the first, including today (UTC)."""

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
LONGEST_GAP = datetime.timedelta(days=31)
"""Between two drops of one run, for Dagster plans every day of a run's range, and shows it as made:
beside a drop of today, one of years ago took minutes before the first step."""
DATES = "recsys/dates"
"""Tag of a run that works on some drops of its range only: their dates, by comma."""


def stretches(dates: Iterable[datetime.date]) -> list[list[datetime.date]]:
    """Drops in groups that one run may work on, the earliest first."""
    groups: list[list[datetime.date]] = []
    for date in sorted(dates):
        if groups and date - groups[-1][-1] <= LONGEST_GAP:
            groups[-1].append(date)
        else:
            groups.append([date])
    return groups


def range_tags(dates: list[datetime.date]) -> dict[str, str]:
    """Run tags under which one run works on all drops from the first date to the last."""
    return {RANGE_START: min(dates).isoformat(), RANGE_END: max(dates).isoformat()}


def drop_tags(dates: list[datetime.date]) -> dict[str, str]:
    """Run tags under which one run works on these drops and passes over others between them.

    Those between may be rejected already, and would fail it again, or may still be written.
    """
    return range_tags(dates) | {DATES: ",".join(date.isoformat() for date in sorted(dates))}


def chosen_dates(tags: Mapping[str, str], keys: Iterable[str]) -> list[str]:
    """The drop dates among a run's partitions that it is to work on."""
    chosen = tags.get(DATES, "").split(",")
    return [key for key in keys if DATES not in tags or key in chosen]


def dates_of(tags: Mapping[str, str]) -> tuple[str, str]:
    """First and last drop date of a run, from its tags; empty texts where it has none."""
    only = tags.get(PARTITION, "")
    return tags.get(RANGE_START, only), tags.get(RANGE_END, only)


def drops_of_run(context: dg.AssetExecutionContext) -> list[str]:
    """Every day that a run names, whether or not a drop has landed for it.

    Raises:
        dagster.Failure: it names none, as a job launched from its launchpad as that opens.
    """
    if not dates_of(context.run.tags)[0]:
        raise dg.Failure(
            "This run names no drops, so there is nothing to validate. Choose a partition in the "
            "launchpad: the date of a drop; `recsys run` finds by itself the drops that wait.",
            allow_retries=False,
        )
    return list(context.partition_keys)


def spans_of(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """First and last day of each unbroken stretch of drops that a run works on; none without."""
    first, last = dates_of(tags)
    if not first:
        return []
    if DATES not in tags:
        return [(first, last)]
    spans: list[tuple[str, str]] = []
    for day in sorted(tags[DATES].split(",")):
        before = datetime.date.fromisoformat(day) - datetime.timedelta(days=1)
        joins = bool(spans) and spans[-1][1] == before.isoformat()
        spans[-1:] = [(spans[-1][0], day)] if joins else [*spans[-1:], (day, day)]
    return spans


def days_of(tags: Mapping[str, str]) -> set[str]:
    """Every day that a run works on, whether or not a drop has landed for it."""
    spans = [tuple(map(datetime.date.fromisoformat, span)) for span in spans_of(tags)]
    return {
        (first + datetime.timedelta(n)).isoformat()
        for first, last in spans
        for n in range((last - first).days + 1)
    }
