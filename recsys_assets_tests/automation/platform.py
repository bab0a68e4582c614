"""A tiny platform: two assets, their checks, an instance, and the daemon's part."""

import signal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from recsys_assets.automation.catalogue import build_catalogue
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.resources.alerts import Notifier, WebhookChannel
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.resources.alert_servers import Mailbox, Posts
from recsys_assets_tests.resources.alerts.making import email_to


class Switch(dg.ConfigurableResource):
    """Settings of one run of the tiny platform."""

    error: str = ""
    failing_checks: list[str] = Field(default=[])
    severity: str = "ERROR"

    def result(self, check: str) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=check not in self.failing_checks,
            severity=dg.AssetCheckSeverity[self.severity],
            description=f"{check} says <no>",
            metadata={"rows": 12, "share": 0.25, "note": dg.MetadataValue.md("first\nsecond")},
        )


@dg.asset(key_prefix="validated", owners=["team:data"])
def ratings() -> None:
    """Always succeeds."""


@dg.asset_check(asset=ratings)
def no_rejected_rows(switch: Switch) -> dg.AssetCheckResult:
    return switch.result("no_rejected_rows")


@dg.asset_check(asset=ratings)
def no_late_files(switch: Switch) -> dg.AssetCheckResult:
    return switch.result("no_late_files")


@dg.asset_check(asset=ratings, blocking=True)
def strict(switch: Switch) -> dg.AssetCheckResult:
    return switch.result("strict")


@dg.asset(deps=[ratings], owners=["team:models"])
def model(switch: Switch) -> None:
    if switch.error == "value":
        raise ValueError("7 files are <unreadable>")
    if switch.error == "failure":
        raise dg.Failure("no file arrived", metadata={"still served": "model 41"})
    if switch.error == "retries":
        raise dg.RetryRequested(max_retries=0) from KeyError("user 7")
    if switch.error == "interrupt":
        signal.raise_signal(signal.SIGINT)


SWITCHED: Any = {"switch": Switch.configure_at_launch()}
DAILY = dg.define_asset_job(
    "daily", selection=dg.AssetSelection.assets(ratings, model), executor_def=dg.in_process_executor
)
CHECKS = [no_rejected_rows, no_late_files, strict]
CATALOGUE = build_catalogue([ratings, model], CHECKS)
DEFS = dg.Definitions(
    assets=[ratings, model],
    asset_checks=CHECKS,
    jobs=[DAILY],
    resources=SWITCHED,
)


class Platform:
    """A Dagster instance, the notifier, and the daemon's part: ticks with a cursor per sensor."""

    def __init__(self, instance: dg.DagsterInstance, notifier: Notifier, home: Path) -> None:
        self.instance = instance
        self.notifier = notifier
        self.storage = Storage(home=str(home))
        sensors = build_alert_sensors(dg.DefaultSensorStatus.STOPPED, CATALOGUE)
        self.sensors = {s.name: s for s in sensors}
        self.cursors: dict[str, str | None] = {}
        for name in self.sensors:
            self.tick(name)

    def run(self, tags: dict[str, str] | None = None, **switch: Any) -> dg.DagsterRun:
        result = DEFS.resolve_job_def("daily").execute_in_process(
            instance=self.instance,
            run_config={"resources": {"switch": {"config": switch}}},
            raise_on_error=False,
            tags=tags,
        )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run

    def retry_of(self, run: dg.DagsterRun, **switch: Any) -> dg.DagsterRun:
        tags = {
            "dagster/parent_run_id": run.run_id,
            "dagster/root_run_id": run.run_id,
            "dagster/retry_number": "1",
        }
        return self.run(tags, **switch)

    def tick(self, name: str) -> Any:
        resources = {"notifier": self.notifier, "storage": self.storage}
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(name), resources=resources
        ) as context:
            tick = self.sensors[name].evaluate_tick(context)
        self.cursors[name] = tick.cursor
        return tick

    def tick_all(self) -> list[str]:
        """Tick every run status sensor; returns what went wrong."""
        ticks = [self.tick(name) for name in self.sensors if name != "redeliver_alerts"]
        reactions = [reaction for tick in ticks for reaction in tick.dagster_run_reactions]
        return [reaction.error.message for reaction in reactions if reaction.error]


def make_notifier(mailbox: Mailbox, posts: Posts, folder: Path, **more: Any) -> Notifier:
    return Notifier(
        email=email_to(mailbox.port),
        webhook=WebhookChannel(url=posts.url),
        ledger_path=str(folder / "alerts.sqlite"),
        ui_url="https://dagster.example.org",
        runbook_url="https://book.example.org",
        **more,
    )


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(mail["Subject"]).strip() for mail in mailbox.mails]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text
