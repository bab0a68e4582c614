"""Schedules and the landing sensor ask for the drops that wait, once, and for nothing else."""

import datetime
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from recsys_assets.assets import ASSETS
from recsys_assets.assets.landing import landing_assets
from recsys_assets.assets.partitions import DATES, RANGE_END, RANGE_START
from recsys_assets.automation.schedules import build_landing_sensor, build_schedules
from recsys_assets.definitions import defs
from recsys_assets.home import Home
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.withdrawals import withdraw
from recsys_assets.resources.storage import Storage

NIGHT = datetime.datetime(2026, 2, 1, 2, 0, tzinfo=datetime.UTC)
HEADER = "userId,movieId,rating,timestamp\n"


@pytest.fixture
def daily_ingest() -> dg.ScheduleDefinition:
    return build_schedules(dg.DefaultScheduleStatus.STOPPED)[0]


def tick(schedule: dg.ScheduleDefinition, home: Home, instance: dg.DagsterInstance) -> Any:
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=NIGHT,
        repository_def=defs.get_repository_def(),
        resources={"storage": Storage(home=str(home.root))},
    )
    return schedule.evaluate_tick(context)


def look(home: Home, instance: dg.DagsterInstance, settled_for: float = 0.0) -> Any:
    sensor = build_landing_sensor(dg.DefaultSensorStatus.STOPPED, settled_for)
    context = dg.build_sensor_context(
        instance=instance,
        repository_def=defs.get_repository_def(),
        resources={"storage": Storage(home=str(home.root))},
    )
    return sensor.evaluate_tick(context)


def land(home: Home, date: datetime.date, item: int = 1) -> None:
    source = home.root / "source.csv"
    source.write_text(f"{HEADER}1,{item},3.5,978300760\n")
    home.landing_zone.land(source, "ratings", date)


def test_ingest_skips_where_nothing_landed(
    daily_ingest: dg.ScheduleDefinition, home: Home, instance: dg.DagsterInstance
) -> None:
    found = tick(daily_ingest, home, instance)
    assert found.run_requests == []
    assert "no file has landed" in found.skip_message


def test_ingest_covers_every_waiting_drop(
    daily_ingest: dg.ScheduleDefinition, home: Home, instance: dg.DagsterInstance
) -> None:
    for day in (3, 5):
        land(home, datetime.date(2026, 1, day), day)
    (request,) = tick(daily_ingest, home, instance).run_requests
    assert request.tags[RANGE_START] == "2026-01-03"
    assert request.tags[RANGE_END] == "2026-01-05"


def test_drops_that_lie_far_apart_have_a_run_each(
    daily_ingest: dg.ScheduleDefinition, home: Home, instance: dg.DagsterInstance
) -> None:
    days = [datetime.date(2020, 1, 1), datetime.date(2026, 1, 3), datetime.date(2026, 1, 31)]
    for item, day in enumerate(days, 1):
        land(home, day, item)
    for found in (tick(daily_ingest, home, instance), look(home, instance)):
        asked = [request.tags[DATES] for request in found.run_requests]
        assert asked == ["2020-01-01", "2026-01-03,2026-01-31"]
        assert len({request.run_key for request in found.run_requests}) == 2


def test_a_damaged_account_of_files_is_named(
    daily_ingest: dg.ScheduleDefinition, home: Home, instance: dg.DagsterInstance
) -> None:
    day = datetime.date(2026, 1, 31)
    land(home, day)
    frame = pl.DataFrame({"dataset": ["ratings"], "drop_date": [day], "file": ["a.csv"]})
    home.lake.write_frame(frame.with_columns(size=pl.lit(1)), "files")
    (path,) = Path(home.lake.uri("files")).glob("*.parquet")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(Exception, match="Error occurred") as caught:
        tick(daily_ingest, home, instance)
    assert "table damaged: " in str(caught.value.__cause__)


def test_every_schedule_follows_the_wanted_status() -> None:
    for status in dg.DefaultScheduleStatus:
        assert {s.default_status for s in build_schedules(status)} == {status}


def test_schedules_run_when_their_descriptions_say() -> None:
    schedules = build_schedules(dg.DefaultScheduleStatus.STOPPED)
    assert {schedule.execution_timezone for schedule in schedules} == {"UTC"}
    for schedule in schedules:
        minute, hour, *_, weekday = str(schedule.cron_schedule).split()
        day = {"*": "", "0": "on sundays ", "6": "on saturdays "}[weekday]
        said = f"{day}at {int(hour):02}:{int(minute):02} utc, "
        assert str(schedule.description).lower().startswith(said), schedule.name


class TestLanding:
    def test_a_drop_is_asked_for_once(self, home: Home, instance: dg.DagsterInstance) -> None:
        land(home, datetime.date(2026, 1, 3))
        (first,) = look(home, instance).run_requests
        (again,) = look(home, instance).run_requests
        # Dagster starts one run for a run key, however often it is asked for.
        assert first.run_key == again.run_key
        land(home, datetime.date(2026, 1, 3), item=2)
        (other,) = look(home, instance).run_requests
        assert other.run_key != first.run_key

    def test_a_drop_whose_run_failed_waits_whatever_becomes_of_drops_far_from_it(
        self, home: Home, instance: dg.DagsterInstance
    ) -> None:
        days = [datetime.date(2022, 1, 1), datetime.date(2024, 1, 1)]
        for item, day in enumerate(days, 1):
            land(home, day, item)
        failed, _ = look(home, instance).run_requests
        withdraw(home.landing_zone, "ratings", days[1])  # no longer waits, as one that is validated
        (again,) = look(home, instance).run_requests
        assert again.run_key == failed.run_key, "Dagster would start it anew after each of them"

    def test_a_file_that_may_still_be_written_is_left_alone(
        self, home: Home, instance: dg.DagsterInstance
    ) -> None:
        land(home, datetime.date(2026, 1, 3))
        assert look(home, instance, settled_for=60).run_requests == []
        # An old time of modification, brought along by the copy, does not make a file complete.
        (file,) = home.landing_zone.files("ratings")
        os.utime(file.path, (time.time() - 3600, time.time() - 3600))
        assert look(home, instance, settled_for=60).run_requests == []

    def test_a_file_that_is_moved_away_while_it_is_looked_at_fails_no_tick(
        self, home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        land(home, datetime.date(2026, 1, 3))
        gone = iter([True])

        def size(file: LandedFile) -> int:
            if next(gone, False):
                raise FileNotFoundError(file.path)
            return file.path.stat().st_size

        monkeypatch.setattr(LandedFile, "size", property(size))
        assert len(look(home, instance).run_requests) == 1

    def test_a_drop_dated_tomorrow_waits_until_then(
        self, home: Home, instance: dg.DagsterInstance
    ) -> None:
        tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
        land(home, tomorrow)
        assert look(home, instance).run_requests == []

    def test_a_run_on_its_way_to_the_files_is_not_doubled(
        self, home: Home, instance: dg.DagsterInstance, daily_ingest: dg.ScheduleDefinition
    ) -> None:
        land(home, datetime.date(2026, 1, 3))
        (request,) = look(home, instance).run_requests
        run = instance.create_run_for_job(defs.resolve_job_def("ingest"), tags=request.tags)
        assert run.run_id in look(home, instance).skip_message
        assert run.run_id in tick(daily_ingest, home, instance).skip_message
        instance.report_run_failed(run)
        assert len(tick(daily_ingest, home, instance).run_requests) == 1

    def test_a_run_that_validates_nothing_is_not_on_its_way_to_the_files(
        self, home: Home, instance: dg.DagsterInstance, daily_ingest: dg.ScheduleDefinition
    ) -> None:
        land(home, datetime.date(2026, 1, 3))
        (request,) = look(home, instance).run_requests
        main = defs.resolve_job_def("main")
        for names, asked in ((["als_model"], 1), (["ratings", "quarantine_ratings"], 0)):
            chosen = frozenset(map(dg.AssetKey, names))
            instance.create_run_for_job(main, tags=request.tags, asset_selection=chosen)
            assert len(tick(daily_ingest, home, instance).run_requests) == asked

    def test_a_run_that_has_done_some_of_its_drops_still_has_the_others_before_it(
        self, home: Home, instance: dg.DagsterInstance
    ) -> None:
        done, left, more = (datetime.date(2026, 1, day) for day in (3, 5, 4))
        for day in (done, left):
            land(home, day, day.day)
        (request,) = look(home, instance).run_requests
        instance.create_run_for_job(defs.resolve_job_def("ingest"), tags=request.tags)
        withdraw(home.landing_zone, "ratings", done)
        assert look(home, instance).run_requests == []
        land(home, more, more.day)
        (request,) = look(home, instance).run_requests
        assert request.tags[DATES] == more.isoformat()


def test_no_table_is_written_by_two_runs_at_once() -> None:
    stages = [asset for asset in ASSETS if asset not in landing_assets]
    pools = {asset.node_def.pool for asset in stages}  # type: ignore[attr-defined]
    assert pools == {"lake"}
    settings = (Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8")
    assert "granularity: run" in settings


def test_weekly_assets_are_in_no_daily_job() -> None:
    def made_by(job: str) -> set[str]:
        keys = defs.resolve_job_def(job).asset_layer.executable_asset_keys
        return {key.to_user_string() for key in keys}

    assert made_by("weekly") == {"als_sweep", "click_sweep", "backtest"}
    assert not made_by("weekly") & (made_by("publish") | made_by("main") | made_by("ingest"))
    assert defs.resolve_schedule_def("weekly_search").cron_schedule == "0 8 * * 6"


def test_every_schedule_and_sensor_says_in_the_ui_what_it_does() -> None:
    automation = [*(defs.schedules or []), *(defs.sensors or [])]
    assert len(automation) > 10
    assert [one.name for one in automation if not one.description] == []
