"""Services that refuse: an object store, databases that somebody holds, a second run."""

import contextlib
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
from deltalake import DeltaTable
from pydantic import BaseModel

from recsys_assets.assets.steps import step_asset
from recsys_assets.assets.transient import RETRY_TAG
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets_tests.faults.bench import INGEST, Bench
from recsys_assets_tests.faults.fault import Fault
from recsys_assets_tests.faults.landed import PAGE, take_away
from recsys_assets_tests.faults.store import object_store


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
        table = DeltaTable(f"{self.root}/ratings", storage_options=self.options)
        return StepReport(versions={"remote": table.version()})


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
    take_away(bench, "page.csv")


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
        # Until it has ended: how long a run waits for its database is not for us to know.
        with held(database), contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=180)
        process.kill()
    bench.close_dead_runs()
    bench.tick()


def _twice_at_once(bench: Bench, random: Random) -> None:
    """A second run starts while the first is at work: it is turned away and changes nothing."""
    from recsys_assets.resources.run_lock import alone

    with alone(bench.home.root):
        with bench.start() as process:
            _, said = process.communicate(timeout=120)
        assert process.returncode == 1 and "another run" in " ".join(said.split())
    bench.tick()


def refusing_stores() -> list[Fault]:
    """Object stores that refuse, are slow, or break off."""
    return [
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


def held_databases() -> list[Fault]:
    """Databases that another process holds."""
    return [
        Fault("the registry's database is held", "locked", _registry_locked, ("database-locked",)),
        Fault("Dagster's database is held", "locked", _runs_locked, ("worker-died",)),
        Fault("the ledger is held", "locked", _ledger_locked, ("file-rejected",), False, True),
    ]


def second_runs() -> list[Fault]:
    """Runs that want to write at once."""
    return [Fault("two runs at once", "clock", _twice_at_once, ())]
