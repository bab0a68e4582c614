"""A home through simulated days: the real schedules and sensors tick at their times.

Each day a drop lands and perhaps something goes wrong; the landing sensor, both daily schedules and
the alert sensors are evaluated by Dagster, and what they ask for is run.
"""

import datetime
import gc
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from recsys_assets.assets.partitions import RANGE_END, RANGE_START
from recsys_assets.automation.schedules import build_landing_sensor, build_schedules
from recsys_assets.resources.storage import Storage
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.faults.bench import INGEST, PUBLISH, QUIET, Bench
from recsys_assets_tests.faults.homes import build_template, definitions
from recsys_assets_tests.faults.troubles import ORDINARY, TROUBLES, Day
from recsys_assets_tests.resources.alert_servers import smtp_server, webhook_server

LAST_DAY = datetime.date(2026, 1, 31)
SUBSETS = {"ingest": INGEST, "publish": PUBLISH}


@dataclass
class Weeks:
    """A home through simulated time."""

    bench: Bench
    timeline: list[dict[str, Any]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def live(self, number: int, file: Path, date: datetime.date) -> None:
        """One day: what lands, what ticks, what people are told."""
        told, mailed = len(self.bench.posts.bodies), len(self.bench.mailbox.mails)
        trouble, day = TROUBLES.get(number, ORDINARY), Day(self.bench, date, file.name)
        day.folder().mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, day.folder() / file.name)
        trouble.strike(day)
        runs = [] if trouble.down else self._tick(date)
        posts = self.bench.posts.bodies[told:]
        self.timeline.append(
            {
                "day": number,
                "date": date.isoformat(),
                "what happens": trouble.words,
                "runs": ", ".join(runs) or "-",
                "told": ", ".join(_word(p) for p in posts if not p["resolved"]) or "-",
                "recovered": ", ".join(_word(p) for p in posts if p["resolved"]) or "-",
                "mails": len(self.bench.mailbox.mails) - mailed,
                "memory": round(resident() / 1e6),
                "disk": round(size_of(self.bench.home.root) / 1e6, 1),
            }
        )

    def _tick(self, date: datetime.date) -> list[str]:
        runs = self._sensor()
        runs += self._schedule("daily_ingest", date, 2)
        runs += self._schedule("daily_publish", date, 3)
        self.bench.tick()
        return runs

    def _sensor(self) -> list[str]:
        sensor = build_landing_sensor(dg.DefaultSensorStatus.STOPPED, settled_for=0.0)
        repository = definitions(self.bench.home).get_repository_def()
        with (
            self.bench.instance() as instance,
            dg.build_sensor_context(
                instance=instance,
                repository_def=repository,
                resources={"storage": Storage(home=str(self.bench.home.root))},
            ) as context,
        ):
            requests = sensor.evaluate_tick(context).run_requests or []
        new = [r for r in requests if r.run_key not in self.asked]
        self.asked |= {str(r.run_key) for r in new}
        return [self._execute("ingest", request) for request in new]

    def _schedule(self, name: str, date: datetime.date, hour: int) -> list[str]:
        at = datetime.datetime(date.year, date.month, date.day, hour, tzinfo=datetime.UTC)
        schedule = next(
            s for s in build_schedules(dg.DefaultScheduleStatus.STOPPED) if s.name == name
        )
        repository = definitions(self.bench.home).get_repository_def()
        with (
            self.bench.instance() as instance,
            dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=at,
                repository_def=repository,
                resources={"storage": Storage(home=str(self.bench.home.root))},
            ) as context,
        ):
            requests = schedule.evaluate_tick(context).run_requests or []
        return [self._execute(schedule.job_name, request) for request in requests]

    def _execute(self, job: str, request: dg.RunRequest) -> str:
        defs = definitions(self.bench.home)
        keys = sorted(SUBSETS[job].resolve(defs.resolve_asset_graph()))
        with self.bench.instance() as instance:
            result = defs.resolve_job_def(job).execute_in_process(
                instance=instance,
                tags=dict(request.tags),
                asset_selection=keys,
                raise_on_error=False,
                run_config=QUIET,
            )
        first, last = request.tags.get(RANGE_START, ""), request.tags.get(RANGE_END, "")
        drops = f" {first[5:]}" + (f"–{last[5:]}" if last != first else "") if first else ""
        return f"{job}{drops}{'' if result.success else ' FAILED'}"


def _word(post: dict[str, Any]) -> str:
    """What an alert is about, in a word; of checks without a section of their own the name."""
    checks = [subject.partition("@")[0].split(":")[-1] for subject in post["subjects"]]
    return ", ".join(checks) if post["kind"] == "check-failed" else str(post["kind"])


def resident() -> int:
    """Bytes of memory of this process."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def size_of(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink())


def simulate(folder: Path, days: int) -> tuple[Weeks, Bench]:
    """Live through the days."""
    size = MovieLensSize(users=80, movies=150, ratings=200 * days, days=days + 40)
    movies, *files = write_movielens(folder / "source", size, 11, LAST_DAY, days)
    template = build_template(folder / "home")
    shutil.rmtree(template.root / "landing")
    catalogue = template.root / "landing" / "movies" / movies.date.isoformat()
    catalogue.mkdir(parents=True)
    shutil.copyfile(movies.path, catalogue / "movies.csv")
    with smtp_server() as mailbox, webhook_server() as posts:
        bench = Bench(template, mailbox, posts)
        bench.tick()
        assert bench.run(dg.AssetSelection.assets("movies", "quarantine_movies"), [files[0].date])
        weeks = Weeks(bench)
        for day, file in enumerate(files, 1):
            started = time.monotonic()
            weeks.live(day, file.path, file.date)
            print(f"day {day} of {len(files)}: {time.monotonic() - started:.1f} s", flush=True)
        bench.tick()
    return weeks, bench
