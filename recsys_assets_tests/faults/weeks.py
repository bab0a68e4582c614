"""Three weeks of daily drops in minutes: the real schedules and sensors tick, and faults strike.

    python -m recsys_assets_tests.faults.weeks [--days 21]

Each simulated day a drop lands; the landing sensor, both daily schedules and the alert sensors are
evaluated by Dagster at their times, and what they ask for is run. After downtime only the last
tick that was missed is made up for, as the daemon does. Prints the timeline of runs, alerts and
recoveries, and how memory and disk went.
"""

import argparse
import datetime
import gc
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from recsys_assets.assets.partitions import RANGE_END, RANGE_START
from recsys_assets.automation.schedules import build_landing_sensor, build_schedules
from recsys_assets.resources.storage import Storage
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.faults.bench import INGEST, QUIET, Bench
from recsys_assets_tests.faults.contents import differing, tables
from recsys_assets_tests.faults.homes import build_template, definitions
from recsys_assets_tests.faults.landed import PAGE
from recsys_assets_tests.resources.alert_servers import smtp_server, webhook_server

LAST_DAY = datetime.date(2026, 1, 31)
PUBLISH = dg.AssetSelection.assets(
    "interactions", "movie_features", "popularity_model", "popular_movies"
)
SUBSETS = {"ingest": INGEST, "publish": PUBLISH}


@dataclass
class Weeks:
    """A home through simulated time."""

    bench: Bench
    timeline: list[dict[str, Any]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    down: set[int] = field(default_factory=lambda: {6, 7})
    """Days on which neither schedule nor sensor ticks."""

    def live(self, day: int, file: Path, date: datetime.date) -> None:
        """One day: what lands, what ticks, what people are told."""
        told, mailed = len(self.bench.posts.bodies), len(self.bench.mailbox.mails)
        events = self._trouble(day, file, date)
        runs: list[str] = []
        if day not in self.down:
            runs += self._sensor()
            runs += self._schedule("daily_ingest", date, 2)
            runs += self._schedule("daily_publish", date, 3)
            self.bench.tick()
        posts = self.bench.posts.bodies[told:]
        self.timeline.append(
            {
                "day": day,
                "date": date.isoformat(),
                "what happens": ", ".join(events) or "-",
                "runs": ", ".join(runs) or "-",
                "told": ", ".join(_word(p) for p in posts if not p["resolved"]) or "-",
                "recovered": ", ".join(_word(p) for p in posts if p["resolved"]) or "-",
                "mails": len(self.bench.mailbox.mails) - mailed,
                "MB": round(resident() / 1e6),
            }
        )

    def _trouble(self, day: int, file: Path, date: datetime.date) -> list[str]:
        folder = self.bench.home.root / "landing" / "ratings" / date.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        lake = Path(self.bench.home.lake.root)
        events = []
        if day == 15:
            folder.rmdir()
            return ["nothing lands"]
        shutil.copyfile(file, folder / file.name)
        if day == 4:
            (folder / "page.csv").write_bytes(PAGE)
            events.append("a sign-in page lands too")
        if day == 5:
            old = folder.with_name((date - datetime.timedelta(days=1)).isoformat())
            (old / "page.csv").unlink()
            events.append("the page is taken away")
        if day in self.down:
            events.append("the machine is down")
        if day == 9:
            self.bench.mailbox.refuse_with = "451 later"
            (folder / "page.csv").write_bytes(PAGE)
            events.append("a page lands, the mail server is down")
        if day == 10:
            self.bench.mailbox.refuse_with = None
            old = folder.with_name((date - datetime.timedelta(days=1)).isoformat())
            (old / "page.csv").unlink()
            events.append("the mail server is back, the page taken away")
        if day == 12:
            log = max((lake / "interactions" / "_delta_log").glob("*.json"))
            log.write_bytes(b"rubbish")
            events.append("a disk fault in interactions")
        if day == 13:
            shutil.rmtree(lake / "interactions")
            events.append("the table is moved away")
        if day == 17:
            with (folder / file.name).open("a") as more:
                more.write("x\n" * 5)
            events.append("five bad lines")
        if day == 19:
            job = definitions(self.bench.home).resolve_job_def("publish")
            with self.bench.instance() as instance:
                run = instance.create_run_for_job(job)
                instance.report_run_failed(run, "the process died: exit code 137")
            events.append("a run dies of memory")
        return events

    def _sensor(self) -> list[str]:
        with self.bench.instance() as instance:
            context = dg.build_sensor_context(
                instance=instance,
                repository_def=definitions(self.bench.home).get_repository_def(),
                resources={"storage": Storage(home=str(self.bench.home.root))},
            )
            sensor = build_landing_sensor(dg.DefaultSensorStatus.STOPPED, settled_for=0.0)
            requests = sensor.evaluate_tick(context).run_requests or []
        new = [r for r in requests if r.run_key not in self.asked]
        self.asked |= {str(r.run_key) for r in new}
        return [self._execute("ingest", request) for request in new]

    def _schedule(self, name: str, date: datetime.date, hour: int) -> list[str]:
        at = datetime.datetime(date.year, date.month, date.day, hour, tzinfo=datetime.UTC)
        schedule = next(
            s for s in build_schedules(dg.DefaultScheduleStatus.STOPPED) if s.name == name
        )
        with self.bench.instance() as instance:
            context = dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=at,
                repository_def=definitions(self.bench.home).get_repository_def(),
                resources={"storage": Storage(home=str(self.bench.home.root))},
            )
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


def undisturbed(folder: Path, bench: Bench) -> list[str]:
    """Tables that differ from those of one run over everything that lies there in the end."""
    fresh = build_template(folder / "fresh")
    shutil.rmtree(fresh.root / "landing")
    shutil.copytree(bench.home.root / "landing", fresh.root / "landing")
    with smtp_server() as mailbox, webhook_server() as posts:
        other = Bench(fresh, mailbox, posts)
        dates = fresh.landing_zone.dates("ratings")
        movies = dg.AssetSelection.assets("movies", "quarantine_movies")
        assert other.run(INGEST | movies | PUBLISH, [dates[0], dates[-1]])
    found, expected = tables(bench.home), tables(fresh)
    return differing({name: found[name] for name in expected}, expected)


def main(words: list[str] | None = None) -> int:
    """Print the timeline; 0 where it ends as an undisturbed home would."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--days", type=int, default=21)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="recsys-weeks-") as name:
        weeks, bench = simulate(Path(name), given.days)
        lake = Path(bench.home.lake.root)
        before = size_of(lake)
        for table in bench.home.lake.names():
            bench.home.lake.tidy(table, 0)
        after = size_of(lake)
        wide = {"tbl_rows": -1, "fmt_str_lengths": 60, "tbl_width_chars": 170}
        with pl.Config(**wide, tbl_hide_dataframe_shape=True):  # type: ignore[arg-type]
            print(pl.DataFrame(weeks.timeline))
        problems = undisturbed(Path(name), bench) + bench.lost_or_doubled()
    memory = [row["MB"] for row in weeks.timeline]
    third = max(1, len(memory) // 3)
    print(
        f"memory: {max(memory[:third])} MB in the first third, {max(memory[-third:])} in the last"
    )
    print(f"lake: {before / 1e6:.1f} MB with every version, {after / 1e6:.1f} MB tidied")
    print("; ".join(problems) or "every table equals that of one undisturbed run")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
