"""The faults: each strikes the second day of a bench, and says what people must be told.

A fault is a function of the bench and its seeded random numbers. It lets the day run into the
fault, mends the cause as the runbook says, and leaves the re-run to the campaign.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator
from pydantic import BaseModel

from recsys_assets.assets.steps import step_asset
from recsys_assets.assets.transient import RETRY_TAG
from recsys_assets.automation.schedules import build_schedules
from recsys_assets.lake.tables import Lake
from recsys_assets.resources.alerts import ledger as ledger_module
from recsys_assets.resources.alerts.ledger import DeliveryLedger
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets_tests.faults.bench import DAYS, INGEST, Bench
from recsys_assets_tests.faults.store import object_store
from recsys_assets_tests.malformed.corpus import GOOD, text_of

PAGE = b"<html><body>Please sign in</body></html>\n"


@dataclass(frozen=True)
class Fault:
    """One injection."""

    name: str
    """What strikes, and where."""
    family: str
    """What sort of fault it is."""
    strike: Callable[[Bench, Random], None]
    """Runs the day into the fault and mends its cause."""
    tells: tuple[str, ...]
    """Kinds of alerts of which exactly one message goes out; empty: nobody is told."""
    publishes: bool = True
    """Whether the fault is in the way of publishing; if not, only the drop is run again."""
    quick: bool = False
    """Whether it belongs to the quick part."""


class NotHereError(Exception):
    """This machine does not let the fault be injected; the message says why."""


# Processes killed at random moments


def _killed(step: str, after: float = 0.0) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        killed = bench.kill(step, after + random.uniform(0, 0.8))
        bench.close_dead_runs()
        bench.tick()
        if not killed:
            raise NotHereError("the run was faster than the kill")

    return strike


def _jvm_killed(after: float) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        from pyspark import SparkContext

        def kill() -> None:
            time.sleep(after + random.uniform(0, 0.3))
            process = getattr(SparkContext._gateway, "proc", None)
            if process is not None:
                process.kill()
                process.wait()

        killer = threading.Thread(target=kill)
        killer.start()
        succeeded = bench.run()
        killer.join()
        bench.tick()
        if succeeded:
            raise NotHereError("the run was faster than the kill")

    return strike


# Disks


@contextlib.contextmanager
def small_disk(folder: Path, spare_kilobytes: int) -> Iterator[Callable[[], None]]:
    """Put a folder on a disk of its own with little room; yields what makes the disk large."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        aside.rename(folder)
        raise NotHereError("no file system may be mounted here")

    def resize(kilobytes: int) -> None:
        size = ["mount", "-o", f"remount,size={kilobytes}k", str(folder)]
        subprocess.run(size, check=True)

    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        disk = os.statvfs(folder)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
        resize(used + spare_kilobytes)
        yield lambda: resize(1 << 20)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _disk_full(part: str, spare: int) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        room = spare + 4 * random.randrange(4)
        grow = bench.mounted.enter_context(small_disk(bench.home.root / part, room))
        succeeded = bench.run()
        bench.tick()
        grow()
        if succeeded:
            raise NotHereError("the disk was large enough")

    return strike


# Object stores


class _Params(BaseModel):
    """None."""


def _read_remote(session: Session, params: _Params) -> StepReport:
    """Read a table of an object store."""
    return StepReport()


class _Remote(Compute):
    """Runs a step against a lake in an object store."""

    root: str
    options: dict[str, str]

    def run(self, context: dg.AssetExecutionContext, step: Any, params: BaseModel) -> StepReport:
        lake = Lake(self.root, self.options)
        return StepReport(versions={"remote": lake.version("ratings")})


def _store(mood: str) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        asset = step_asset("remote", _read_remote, group="features", deps=[], kinds=set())
        with object_store(Path(bench.home.lake.root)) as store, bench.instance() as instance:
            compute = _Remote(root="s3://lake", options=store.options)

            def read() -> Any:
                return dg.materialize(
                    [asset], instance=instance, resources={"compute": compute}, raise_on_error=False
                )

            store.mood = mood
            failed = read()
            assert not failed.success
            run = instance.get_run_by_id(failed.run_id)
            assert run is not None and run.tags.get(RETRY_TAG) == "true", "it is retried by itself"
            bench.tick()
            store.mood = "well"
            assert read().success
            bench.tick()

    return strike


# Databases


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """A database that another process holds."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def _registry_locked(bench: Bench, random: Random) -> None:
    with held(bench.home.root / "mlflow" / "mlflow.db"):
        succeeded = bench.run()
    bench.tick()
    assert not succeeded


def _ledger_locked(bench: Bench, random: Random) -> None:
    """The sender waits for the ledger, and tells once."""
    bench.drop("page.csv", PAGE)
    bench.run(INGEST)
    with held(bench.home.alerts):
        looker = threading.Thread(target=bench.tick)
        looker.start()
        time.sleep(1.0)
    looker.join()
    _take_away(bench, "page.csv")


def _runs_locked(bench: Bench, random: Random) -> None:
    """Dagster's own database is held while the run works: the run ends without a word."""
    database = bench.home.dagster / "history" / "runs.db"
    if not database.is_file():
        database = next(bench.home.dagster.rglob("runs.db"))
    with bench.start() as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip() == "… interactions":
                break
        with held(database), contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=25)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=60)
        process.kill()
    bench.close_dead_runs()
    bench.tick()


# Damaged tables


def _damage(table: str, how: str) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        folder = Path(bench.home.lake.uri(table))
        log = max((folder / "_delta_log").glob("*.json"))
        if how == "cut log":
            log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
        elif how == "rubbish in log":
            log.write_bytes(random.randbytes(500))
        elif how == "no log":
            shutil.rmtree(folder / "_delta_log")
            (folder / "_delta_log").mkdir()
            (folder / "_delta_log" / f"{0:020}.json").write_text("not json")
        else:
            for path in folder.rglob("*.parquet"):
                path.write_bytes(path.read_bytes()[:20])
        succeeded = bench.run()
        bench.tick()
        assert not succeeded
        folder.rename(bench.home.root / f"{table}.damaged")
        if table == "ratings":
            assert bench.run(INGEST, DAYS)

    return strike


# Bad drops


def _take_away(bench: Bench, *names: str) -> None:
    for name in names:
        (bench.home.root / "landing" / "ratings" / DAYS[1].isoformat() / name).unlink()


def _bad_drop(content: bytes) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        bench.drop("bad.csv", content)
        bench.run(INGEST)
        bench.tick()
        assert bench.lost_or_doubled() == []
        _take_away(bench, "bad.csv")

    return strike


def _nothing_but_bad(bench: Bench, random: Random) -> None:
    folder = bench.home.root / "landing" / "ratings" / DAYS[1].isoformat()
    aside = bench.home.root / "aside"
    shutil.move(folder, aside)
    bench.drop("page.csv", PAGE)
    assert not bench.run(INGEST)
    bench.tick()
    _take_away(bench, "page.csv")
    for path in aside.iterdir():
        shutil.move(path, folder / path.name)


# Channels


def _channel(change: Callable[[Bench], None], heal: Callable[[Bench], None]) -> Any:
    def strike(bench: Bench, random: Random) -> None:
        bench.drop("page.csv", PAGE)
        bench.run(INGEST)
        change(bench)
        errors = bench.tick()
        assert errors, "a channel that fails makes the tick fail, for people to see"
        bench.tick()
        heal(bench)
        for _ in range(2):
            assert bench.tick() == []
        assert len(bench.mailbox.mails) == len(bench.posts.bodies) == 1
        _take_away(bench, "page.csv")

    return strike


def _sender_killed(bench: Bench, random: Random) -> None:
    """A sender dies after its claim; when the claim runs out, another one sends."""
    bench.drop("page.csv", PAGE)
    bench.run(INGEST)
    bench.posts.status = 500
    bench.tick()
    bench.posts.status = 200
    ledger = DeliveryLedger(bench.home.alerts)
    (alert,) = ledger.waiting("webhook", 5)
    before, ledger_module.CLAIM_SECONDS = ledger_module.CLAIM_SECONDS, 1.0
    try:
        assert ledger.claim(alert.event_key, "webhook")  # and dies here
        assert bench.tick() == [] and bench.posts.bodies == []
        time.sleep(1.1)
        bench.tick()
    finally:
        ledger_module.CLAIM_SECONDS = before
    _take_away(bench, "page.csv")


def _set(target: str, name: str, value: Any) -> Callable[[Bench], None]:
    return lambda bench: setattr(getattr(bench, target), name, value)


def _both(*changes: Callable[[Bench], None]) -> Callable[[Bench], None]:
    return lambda bench: [change(bench) for change in changes] and None


# Clocks


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


def _twice_at_once(bench: Bench, random: Random) -> None:
    """A second run starts while the first is at work: it is turned away and changes nothing."""
    from recsys_assets.resources.run_lock import alone

    with alone(bench.home.root):
        with bench.start() as process:
            _, said = process.communicate(timeout=120)
        assert process.returncode == 1 and "another run" in " ".join(said.split())
    bench.tick()


DIED = ("worker-died",)
KILLED_STEPS = (
    "validate_ratings",
    "validate_movies",
    "interactions",
    "movie_features",
    "user_features",
    "popularity_model",
    "als_model",
    "landing__ratings",
    "ranking_evaluation",
    "popular_movies",
    "similar_items",
    "top_k",
)

BAD_DROPS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "a web page": (PAGE, ("file-rejected",)),
    "an empty file": (b"", ("file-rejected",)),
    "utf-16": (text_of(GOOD).encode("utf-16"), ("file-rejected",)),
    "a header of other names": (text_of(GOOD, "a,b,c,d").encode(), ("file-rejected",)),
    "a column twice": (text_of(GOOD, "userId,userId,rating,x").encode(), ("file-rejected",)),
    "a NUL byte": (text_of(GOOD).encode() + b"\0", ("file-rejected",)),
    "a broken gzip": (b"\x1f\x8b\x08\0rubbish", ("file-rejected",)),
    "a file of bad lines": (text_of(["x"] * 50).encode(), ("file-rejected",)),
    "a line of 2 MB": (text_of(["9" * 2_000_000, *GOOD]).encode(), ("file-rejected",)),
    "json": (b'{"a": 1}\n', ("file-rejected",)),
    "a header alone": (text_of([]).encode(), ()),
    "some bad lines": (text_of([*GOOD, "x", "y"]).encode(), ("quarantine",)),
    "stars out of range": (text_of([*GOOD, "9,9,7,978300000"]).encode(), ("quarantine",)),
    "a line cut off": ((text_of(GOOD) + "9,9,4").encode(), ("quarantine",)),
    "doubles of its own": (text_of([*GOOD, GOOD[0]]).encode(), ("quarantine",)),
    "one bad line among many": (
        text_of([f"{n},1,4.0,978300000" for n in range(9000, 9200)] + ["x"]).encode(),
        (),
    ),
    "good lines only": (text_of([f"{n},1,4.0,978300000" for n in range(9000, 9200)]).encode(), ()),
}

_MAIL_DOWN = _set("mailbox", "refuse_with", "451 later")
_MAIL_UP = _set("mailbox", "refuse_with", None)

CHANNELS: dict[str, tuple[Callable[[Bench], None], Callable[[Bench], None]]] = {
    "the mail server refuses for now": (_MAIL_DOWN, _MAIL_UP),
    "the mail server refuses": (_set("mailbox", "refuse_with", "554 no"), _MAIL_UP),
    "the mail server is slow": (_set("mailbox", "lag", 2.0), _set("mailbox", "lag", 0.0)),
    "the webhook answers 500": (_set("posts", "status", 500), _set("posts", "status", 200)),
    "the webhook answers 429": (_set("posts", "status", 429), _set("posts", "status", 200)),
    "the webhook is slow": (_set("posts", "delay", 2.0), _set("posts", "delay", 0.0)),
    "both are down": (
        _both(_MAIL_DOWN, _set("posts", "status", 503)),
        _both(_MAIL_UP, _set("posts", "status", 200)),
    ),
}

QUICK_CHANNELS = ("the mail server refuses for now", "the webhook answers 500", "both are down")

CLOCKS = {
    "midnight": ("UTC", "2026-02-01T00:00:00"),
    "clocks go forward": ("Europe/Berlin", "2026-03-29T01:00:00"),
    "clocks go back": ("Europe/Berlin", "2026-10-25T01:00:00"),
    "a zone a day ahead": ("Pacific/Kiritimati", "2026-02-01T10:00:00"),
    "leap day": ("America/New_York", "2028-02-29T05:00:00"),
}


def all_faults() -> list[Fault]:
    """Every injection, in the order of the report."""
    found = [Fault(f"SIGKILL in {step}", "kill", _killed(step), DIED) for step in KILLED_STEPS]
    found.append(Fault("SIGKILL after top_k, in its checks", "kill", _killed("top_k", 0.7), DIED))
    found += [
        Fault(f"the JVM killed after {after} s", "jvm", _jvm_killed(after), ("worker-died",))
        for after in (1.0, 2.0, 3.0)
    ]
    found += [
        Fault(
            f"disk full: {part}, {spare} kB left", "disk", _disk_full(part, spare), ("disk-full",)
        )
        for part, spare in (("lake", 8), ("lake", 60), ("lake", 140), ("mlflow", 8))
    ]
    found += [
        Fault(
            f"the object store {mood}",
            "store",
            _store(mood),
            ("store-refuses",),
            publishes=False,
            quick=mood == "refuses",
        )
        for mood in ("refuses", "slow", "breaks")
    ]
    found += [
        Fault("the registry's database is held", "locked", _registry_locked, ("database-locked",)),
        Fault("Dagster's database is held", "locked", _runs_locked, ("worker-died",)),
        Fault("the ledger is held", "locked", _ledger_locked, ("file-rejected",), False, True),
    ]
    found += [
        Fault(f"{how} of {table}", "damage", _damage(table, how), ("table-damaged",))
        for table, how in (
            ("top_k", "cut log"),
            ("interactions", "rubbish in log"),
            ("movie_features", "no log"),
            ("ratings", "cut log"),
            ("als_factors", "cut files"),
        )
    ]
    found += [
        Fault(f"drop: {name}", "drop", _bad_drop(content), tells, False, quick=number % 4 == 0)
        for number, (name, (content, tells)) in enumerate(BAD_DROPS.items())
    ]
    found.append(
        Fault(
            "drop: rejected files only", "drop", _nothing_but_bad, ("drop-rejected",), False, True
        )
    )
    found += [
        Fault(
            name, "channel", _channel(*changes), ("file-rejected",), False, name in QUICK_CHANNELS
        )
        for name, changes in CHANNELS.items()
    ]
    found.append(
        Fault(
            "a sender killed after its claim",
            "channel",
            _sender_killed,
            ("file-rejected",),
            False,
            True,
        )
    )
    found += [
        Fault(f"clock: {name}", "clock", _clock(*settings), (), False, name.startswith("clocks"))
        for name, settings in CLOCKS.items()
    ]
    found.append(Fault("two runs at once", "clock", _twice_at_once, ()))
    return found
