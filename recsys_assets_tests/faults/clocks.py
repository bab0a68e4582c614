"""Clocks: midnight, days of 23 and 25 hours, zones far away, leap day."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from recsys_assets.automation.schedules import build_schedules
from recsys_assets_tests.faults.bench import INGEST, Bench
from recsys_assets_tests.faults.fault import Fault


def _clock(zone: str, moment: str) -> Callable[[Bench, Random], None]:
    """The day's ticks around a moment, on a machine in some time zone: one a day, at 02:00 UTC."""

    def strike(bench: Bench, random: Random) -> None:
        before = os.environ.get("TZ")
        os.environ["TZ"] = zone
        time.tzset()
        try:
            at = datetime.fromisoformat(moment).replace(tzinfo=UTC) - timedelta(days=2)
            for schedule in build_schedules(dg.DefaultScheduleStatus.STOPPED)[:2]:
                times = schedule_execution_time_iterator(
                    at.timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
                )
                days = [next(times).astimezone(UTC) for _ in range(5)]
                assert len({day.date() for day in days}) == 5
                assert {b - a for a, b in pairwise(days)} == {timedelta(days=1)}
            bench.run(INGEST)
            bench.run(INGEST)
        finally:
            os.environ.pop("TZ") if before is None else os.environ.__setitem__("TZ", before)
            time.tzset()
        bench.tick()

    return strike


CLOCKS = {
    "midnight": ("UTC", "2026-02-01T00:00:00"),
    "clocks go forward": ("Europe/Berlin", "2026-03-29T01:00:00"),
    "clocks go back": ("Europe/Berlin", "2026-10-25T01:00:00"),
    "a zone a day ahead": ("Pacific/Kiritimati", "2026-02-01T10:00:00"),
    "leap day": ("America/New_York", "2028-02-29T05:00:00"),
}


def odd_clocks() -> list[Fault]:
    """Moments at which days are counted wrongly."""
    return [
        Fault(f"clock: {name}", "clock", _clock(*settings), (), False, name.startswith("clocks"))
        for name, settings in CLOCKS.items()
    ]
