"""Schedules ask for the drops that wait, and for nothing where none does."""

import datetime
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.assets.partitions import RANGE_END, RANGE_START
from recsys_assets.automation.schedules import build_schedules
from recsys_assets.definitions import defs
from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage

NIGHT = datetime.datetime(2026, 2, 1, 2, 0, tzinfo=datetime.UTC)


@pytest.fixture
def daily_ingest() -> dg.ScheduleDefinition:
    return next(
        schedule
        for schedule in build_schedules(dg.DefaultScheduleStatus.STOPPED)
        if schedule.name == "daily_ingest"
    )


def _tick(schedule: dg.ScheduleDefinition, home: Home) -> object:
    context = dg.build_schedule_context(
        scheduled_execution_time=NIGHT,
        repository_def=defs.get_repository_def(),
        resources={"storage": Storage(home=str(home.root))},
    )
    return schedule.evaluate_tick(context)


def test_ingest_skips_where_nothing_landed(daily_ingest: dg.ScheduleDefinition, home: Home) -> None:
    tick = _tick(daily_ingest, home)
    assert tick.run_requests == []  # type: ignore[attr-defined]
    assert "no file has landed" in tick.skip_message  # type: ignore[attr-defined]


def test_ingest_covers_every_waiting_drop(
    daily_ingest: dg.ScheduleDefinition, home: Home, tmp_path: Path
) -> None:
    for day in (3, 5):
        source = tmp_path / f"{day}.csv"
        source.write_text(f"userId,movieId,rating,timestamp\n1,{day},3.5,978300760\n")
        home.landing_zone.land(source, "ratings", datetime.date(2026, 1, day))
    (request,) = _tick(daily_ingest, home).run_requests  # type: ignore[attr-defined]
    assert request.tags[RANGE_START] == "2026-01-03"
    assert request.tags[RANGE_END] == "2026-01-05"


def test_schedules_follow_the_wanted_status() -> None:
    for status in dg.DefaultScheduleStatus:
        assert {s.default_status for s in build_schedules(status)} == {status}
