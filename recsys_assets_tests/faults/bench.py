"""The bench: a small home with one day published, into whose second day faults are injected.

    template (day 1 published) -> copy -> day 2 lands, a fault strikes -> what people were told
                               -> copy -> day 2 lands, nothing strikes -> what must come out

Runs are real Dagster runs of the platform's own graph, in this process or one of their own; alerts
go to a real mail server and a real webhook receiver; a reader looks at the tables all the time.
"""

import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.storage.defs_state.base import set_defs_state_storage

from recsys_assets.assets import ASSETS
from recsys_assets.assets.partitions import range_tags
from recsys_assets.automation.catalogue import build_catalogue
from recsys_assets.automation.causes import step_error
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.checks import CHECKS
from recsys_assets.checks.recount import recount_files
from recsys_assets.cli.runs import _close_dead_runs
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import FILES
from recsys_assets.contracts.models import PROMOTION
from recsys_assets.definitions import build_definitions
from recsys_assets.deployment import current_deployment, enter
from recsys_assets.home import Home
from recsys_assets.resources.alerts import EmailChannel, Notifier, WebhookChannel
from recsys_assets.resources.storage import Storage
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.acceptance.commands import environment
from recsys_assets_tests.resources.alert_servers import HOST, Mailbox, Posts

DAYS = [datetime.date(2026, 1, 30), datetime.date(2026, 1, 31)]
SIZE = MovieLensSize(users=40, movies=60, ratings=1500)
NOT_DATA = {"run_id", "model_version"}
WATCHED = ("top_k", "ratings")
FLOW = (
    dg.AssetSelection.assets("landing/ratings", "landing/movies").downstream()
    - dg.AssetSelection.groups("delivery", "sweeps", "backtests")
).required_multi_asset_neighbors()
INGEST = dg.AssetSelection.assets("landing/ratings", "ratings", "quarantine_ratings")
QUIET = {"loggers": {"console": {"config": {}}}}
CATALOGUE = build_catalogue(ASSETS, CHECKS)


def tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table in a fixed order, without what names the run that wrote it."""
    frames = {}
    for name in home.lake.names():
        frame = home.lake.scan(name).collect()
        if name == PROMOTION:
            frame = in_use(frame)
        kept = [c for c in frame.columns if c not in NOT_DATA]
        plain = [c for c in kept if not isinstance(frame.schema[c], pl.List)]
        frames[name] = frame.select(kept).sort(plain)
    return frames


def in_use(decisions: pl.DataFrame) -> pl.DataFrame:
    """How good the champion of each model is after the decision on its newest challenger.

    A run that is repeated trains once more, so it decides about another version, and perhaps
    against a champion of the run that broke off.
    """
    figure = pl.when("promoted").then("challenger").otherwise("champion")
    return decisions.select("model", "metric", figure.alias("figure"))


def differing(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> list[str]:
    """Tables that are not the same."""
    names = found.keys() | expected.keys()
    return sorted(
        n for n in names if n not in found or n not in expected or not found[n].equals(expected[n])
    )


class Reader(threading.Thread):
    """A consumer that reads all the time, and notes every content it saw."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.seen: dict[str, set[str]] = {table: set() for table in WATCHED}
        self.done = threading.Event()

    def run(self) -> None:
        """Read until told to stop; a table under repair cannot be read, which is no torn read."""
        while not self.done.is_set():
            for table in WATCHED:
                with contextlib.suppress(Exception):
                    self.seen[table].add(content_of(self.home, table))
            time.sleep(0.05)


def content_of(home: Home, table: str) -> str:
    """What stands for the content of a table."""
    frame = home.lake.scan(table).drop("model_version", strict=False).collect()
    return str(frame.hash_rows(seed=1).sort().hash().sum()) + f"/{frame.height}"


@dataclass
class Bench:
    """One copy of the template, its instance, and those who are told."""

    home: Home
    mailbox: Mailbox
    posts: Posts
    cursors: dict[str, str | None] = field(default_factory=dict)
    mounted: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """What has to be undone when the injection is judged."""

    @property
    def notifier(self) -> Notifier:
        """A mail server and a webhook, with short patience."""
        return Notifier(
            email=EmailChannel(
                host=HOST,
                port=self.mailbox.port,
                security="plain",
                sender="platform@example.org",
                recipients=["oncall@example.org"],
                timeout_seconds=1.0,
            ),
            webhook=WebhookChannel(url=self.posts.url, timeout_seconds=1.0),
            ledger_path=str(self.home.alerts),
        )

    @contextlib.contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's databases of this home."""
        with dg.DagsterInstance.from_config(str(self.home.dagster)) as found:
            yield found

    def land_day_two(self, source: Home) -> None:
        """The second day's files arrive."""
        target = self.home.root / "landing" / "ratings" / DAYS[1].isoformat()
        shutil.copytree(source.root / "later" / "ratings", target, dirs_exist_ok=True)

    def drop(self, name: str, content: bytes) -> Path:
        """A file lands beside the second day's ratings."""
        path = self.home.root / "landing" / "ratings" / DAYS[1].isoformat() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def run(self, selection: dg.AssetSelection = FLOW, days: Any = DAYS[1:]) -> bool:
        """A run in this process; whether it succeeded."""
        defs = definitions(self.home)
        keys = sorted(selection.resolve(defs.resolve_asset_graph()))
        with self.instance() as instance:
            result = defs.resolve_job_def("main").execute_in_process(
                instance=instance,
                tags=range_tags(list(days)),
                asset_selection=keys,
                raise_on_error=False,
                run_config=QUIET,
            )
        return result.success

    def start(self) -> subprocess.Popen[str]:
        """A run in a process of its own, as people start it."""
        graph = definitions(self.home).resolve_asset_graph()
        chosen = ",".join(key.to_user_string() for key in sorted(FLOW.resolve(graph)))
        command = [sys.executable, "-m", "recsys_assets.cli", "run", "--select", chosen]
        command += ["--from", str(DAYS[1]), "--to", str(DAYS[1])]
        return subprocess.Popen(
            command,
            env=environment(self.home.root, RECSYS_SPARK_MEMORY="1g"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, step: str, after: float) -> bool:
        """Kill such a run a while after a step began; whether it was killed before its end."""
        with self.start() as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.strip() == f"… {step}":
                    time.sleep(after)
                    process.send_signal(signal.SIGKILL)
                    break
            return process.wait(timeout=120) == -signal.SIGKILL

    def close_dead_runs(self) -> None:
        """What run monitoring, or the next `recsys run`, does about runs whose process died."""
        with self.instance() as instance:
            _close_dead_runs(instance)

    def tick(self) -> list[str]:
        """One look of every alert sensor; what could not be delivered."""
        errors = []
        resources = {"notifier": self.notifier, "storage": Storage(home=str(self.home.root))}
        with self.instance() as instance:
            for sensor in build_alert_sensors(dg.DefaultSensorStatus.STOPPED, CATALOGUE):
                needed = {k: v for k, v in resources.items() if k in sensor.required_resource_keys}
                with dg.build_sensor_context(
                    instance=instance, cursor=self.cursors.get(sensor.name), resources=needed
                ) as context:
                    try:
                        tick = sensor.evaluate_tick(context)
                    except Exception as error:  # noqa: BLE001  a tick that fails is what is looked for
                        errors.append(str(error))
                        continue
                self.cursors[sensor.name] = tick.cursor
                reactions = tick.dagster_run_reactions or []
                errors += [str(r.error.message) for r in reactions if r.error]
        return errors

    def last_error(self) -> str:
        """Why the last run failed."""
        with self.instance() as instance:
            run = instance.get_runs(limit=1)[0]
            failed = {dg.DagsterEventType.STEP_FAILURE}
            records = instance.get_records_for_run(run.run_id, of_type=failed).records
            return step_error(records[0].event_log_entry) if records else run.status.value

    def told(self) -> list[dict[str, Any]]:
        """What the webhook received, the summaries to the team left out."""
        return [body for body in self.posts.bodies if body["kind"] != "published"]

    def lost_or_doubled(self) -> list[str]:
        """Files whose lines, counted anew, are not all in a table or kept apart."""
        lake, zone = self.home.lake, self.home.landing_zone
        files = lake.scan(FILES).collect()
        problems = []
        for name, dataset in DATASETS.items():
            known = files.filter(dataset=name)
            rows = recount_files(known, dataset, lake, zone) if known.height else []
            problems += [f"{row['file']}: {row['problem']}" for row in rows if row["problem"]]
        doubled = lake.scan("ratings").select("drop_date", "user", "item").collect()
        if doubled.is_duplicated().any():
            problems.append("rows are doubled")
        return problems


def definitions(home: Home) -> dg.Definitions:
    """The platform on a home."""
    known = {**os.environ, "RECSYS_HOME": str(home.root), "RECSYS_SPARK_MEMORY": "1g"}
    where = enter(current_deployment(known))
    # Dagster keeps the storage of an instance long closed, and asks it at the next load.
    with set_defs_state_storage(None):
        found = build_definitions(where)
        found.get_repository_def()
    return found


def build_template(folder: Path) -> Home:
    """A home with day 1 published, and day 2's files beside it."""
    environment(folder)
    # One JVM serves all homes of a campaign, so its files outlive each of them.
    shared = folder.parent / "scratch"
    shared.mkdir(exist_ok=True)
    (folder / "scratch").symlink_to(shared)
    home = Home(root=folder)
    home.prepare()
    written = write_movielens(folder / "source", SIZE, 7, DAYS[1], 2)
    for file in written:
        where = folder / "later" / file.dataset
        if file.dataset == "movies" or file.date == DAYS[0]:
            where = folder / "landing" / file.dataset / DAYS[0].isoformat()
        where.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, where / file.path.name)
    return home


def copy_of(template: Home, folder: Path) -> Home:
    """A copy of a home; Spark's jars are shared."""
    shutil.copytree(template.root, folder, symlinks=True)
    return Home(root=folder)
