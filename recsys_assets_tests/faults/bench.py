"""The bench: a small home with one day published, into whose second day faults are injected.

    template (day 1 published) -> copy -> day 2 lands, a fault strikes -> what people were told
                               -> copy -> day 2 lands, nothing strikes -> what must come out

Runs are real Dagster runs of the platform's own graph, in this process or one of their own; alerts
go to a real mail server and a real webhook receiver; a reader looks at the tables all the time.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from recsys_assets.assets import ASSETS
from recsys_assets.assets.partitions import range_tags
from recsys_assets.automation.catalogue import build_catalogue
from recsys_assets.automation.causes import step_error
from recsys_assets.automation.dead_runs import close_dead_runs
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.checks import CHECKS
from recsys_assets.checks.recount import recount_files
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import FILES
from recsys_assets.home import Home
from recsys_assets.resources.alerts import Notifier, WebhookChannel
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.acceptance.commands import environment
from recsys_assets_tests.faults.homes import DAYS, definitions
from recsys_assets_tests.resources.alert_servers import Mailbox, Posts
from recsys_assets_tests.resources.alerts.making import email_to

FLOW = (
    dg.AssetSelection.assets("landing/ratings", "landing/movies").downstream()
    - dg.AssetSelection.groups("sweeps", "backtests")
    - dg.AssetSelection.assets("serving_bundle")  # takes as long as all the rest
).required_multi_asset_neighbors()
INGEST = dg.AssetSelection.assets("landing/ratings", "ratings", "quarantine_ratings")
PUBLISH = dg.AssetSelection.assets(
    "interactions", "movie_features", "popularity_model", "popular_movies"
)
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {}}}}
CATALOGUE = build_catalogue(ASSETS, CHECKS)


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
            email=email_to(self.mailbox.port, timeout_seconds=1.0),
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
            close_dead_runs(instance, self.home.root)

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

    def last_run(self) -> dg.DagsterRunStatus:
        """How the last run ended."""
        with self.instance() as instance:
            return instance.get_runs(limit=1)[0].status

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
