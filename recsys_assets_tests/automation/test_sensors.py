"""Alert sensors from end to end: real runs, ticks evaluated by Dagster, alerts as they arrive."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo
from pydantic import Field

from recsys_assets.assets.partitions import RANGE_END, RANGE_START
from recsys_assets.automation.catalogue import Catalogue, build_catalogue
from recsys_assets.automation.causes import plain_error
from recsys_assets.automation.run_story import metadata_texts
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.resources.alerts import EmailChannel, Notifier, Route, Severity, WebhookChannel
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Mailbox,
    Posts,
    smtp_server,
    webhook_server,
)


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


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def posts() -> Iterator[Posts]:
    with webhook_server() as server:
        yield server


def make_notifier(mailbox: Mailbox, posts: Posts, folder: Path, **more: Any) -> Notifier:
    return Notifier(
        email=EmailChannel(
            host=HOST,
            port=mailbox.port,
            security="plain",
            sender="platform@example.org",
            recipients=["oncall@example.org"],
        ),
        webhook=WebhookChannel(url=posts.url),
        ledger_path=str(folder / "alerts.sqlite"),
        ui_url="https://dagster.example.org",
        runbook_url="https://book.example.org",
        **more,
    )


@pytest.fixture
def platform(mailbox: Mailbox, posts: Posts, tmp_path: Path) -> Iterator[Platform]:
    notifier = make_notifier(mailbox, posts, tmp_path)
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Platform(instance, notifier, tmp_path / "home")


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(mail["Subject"]).strip() for mail in mailbox.mails]


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


class TestRunFailure:
    def test_the_error_of_the_user_arrives_by_mail_and_hook(
        self, platform: Platform, mailbox: Mailbox, posts: Posts
    ) -> None:
        run = platform.run(error="value", tags={"dagster/partition": "2026-03-01"})
        assert platform.tick_all() == []
        assert subjects(mailbox) == ["[error] model failed in daily (2026-03-01)"]
        body = mailbox.bodies()[0]
        assert "Failed: model. What needs it was not made." in body
        assert "Cause: ValueError: 7 files are <unreadable>\n" in body
        assert f"> run: https://dagster.example.org/runs/{run.run_id}\n" in body
        assert "> runbook: https://book.example.org#run-failed\n" in body
        assert "7 files are &lt;unreadable&gt;" in html_of(mailbox.mails[0])
        (post,) = posts.bodies
        assert post["event_key"] == f"run-failure:{run.run_id}"
        assert post["severity"] == "error"
        since = datetime.fromisoformat(post["since"])
        assert timedelta(0) <= datetime.now(UTC) - since < timedelta(minutes=1)

    def test_a_declared_failure_brings_its_description_and_metadata(
        self, platform: Platform, posts: Posts
    ) -> None:
        platform.run(error="failure")
        assert platform.tick_all() == []
        assert posts.bodies[0]["cause"] == "Failure: no file arrived"
        assert posts.bodies[0]["facts"]["still served"] == "model 41"

    def test_used_up_retries_do_not_hide_the_error(self, platform: Platform, posts: Posts) -> None:
        platform.run(error="retries")
        assert platform.tick_all() == []
        assert posts.bodies[0]["cause"] == "KeyError: 'user 7'"

    def test_an_interrupted_run_is_told_in_plain_words(
        self, platform: Platform, posts: Posts
    ) -> None:
        platform.run(error="interrupt")
        assert platform.tick_all() == []
        assert posts.bodies[0]["cause"].startswith("The run was interrupted")

    def test_a_run_that_died_without_a_word_is_told_so(
        self, platform: Platform, posts: Posts
    ) -> None:
        run = platform.instance.create_run_for_job(DEFS.resolve_job_def("daily"))
        platform.instance.report_run_failed(run, "Run worker stopped: exit code 137")
        assert platform.tick_all() == []
        (post,) = posts.bodies
        assert post["what"].startswith("The run failed and no step reported an error.")
        assert "died or never started (out of memory" in post["cause"]
        assert post["cause"].endswith("Dagster says: Run worker stopped: exit code 137")

    def test_a_run_that_could_not_start_brings_the_reason(
        self, platform: Platform, posts: Posts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Switch, context: dg.InitResourceContext) -> None:
            raise ConnectionError("no cluster")

        monkeypatch.setattr(Switch, "setup_for_execution", refuse)
        platform.run()
        assert platform.tick_all() == []
        assert posts.bodies[0]["cause"] == "ConnectionError: no cluster"

    def test_a_run_that_succeeds_is_silent(self, platform: Platform, mailbox: Mailbox) -> None:
        platform.run()
        assert platform.tick_all() == []
        assert mailbox.mails == []

    def test_an_automatic_retry_is_silent_and_a_new_attempt_by_hand_is_not(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        first = platform.run(error="value", tags={"dagster/will_retry": "true"})
        assert platform.tick_all() == []
        retry = platform.retry_of(first, error="value")
        assert platform.tick_all() == []
        assert len(mailbox.mails) == 1
        assert "Dagster retries this run by itself" in mailbox.bodies()[0]
        by_hand = {"dagster/parent_run_id": retry.run_id, "dagster/root_run_id": first.run_id}
        platform.run(by_hand, error="value")
        assert platform.tick_all() == []
        assert len(mailbox.mails) == 2
        assert "Dagster retries" not in mailbox.bodies()[1]

    def test_a_retry_whose_first_attempt_was_never_reported_is_reported(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        first = platform.run()
        platform.retry_of(first, error="value")
        assert platform.tick_all() == []
        assert subjects(mailbox) == ["[error] model failed in daily"]


class TestFailedChecks:
    def test_a_successful_run_with_failed_checks_brings_one_alert(
        self, platform: Platform, mailbox: Mailbox, posts: Posts
    ) -> None:
        run = platform.run(failing_checks=["no_rejected_rows", "no_late_files"])
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert platform.tick_all() == []
        assert subjects(mailbox) == [
            "[error] validated/ratings: no_late_files and 1 more failed in daily"
        ]
        (post,) = posts.bodies
        assert post["what"].startswith("2 of 3 checks failed. None of them blocks")
        for check in ("no_rejected_rows", "no_late_files"):
            line = f"ERROR: {check} says <no>; note = first; rows = 12; share = 0.25"
            assert post["facts"][f"validated/ratings: {check}"] == line
        assert post["links"]["run"] == f"https://dagster.example.org/runs/{run.run_id}"
        assert "says &lt;no&gt;; note = first" in html_of(mailbox.mails[0])

    def test_a_warning_is_a_warning(self, platform: Platform, mailbox: Mailbox) -> None:
        platform.run(failing_checks=["no_late_files"], severity="WARN")
        assert platform.tick_all() == []
        assert subjects(mailbox) == ["[warning] validated/ratings: no_late_files failed in daily"]
        assert "- validated/ratings: no_late_files: WARN: " in mailbox.bodies()[0]

    def test_a_failed_run_reports_its_error_and_its_checks(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        platform.run(error="value", failing_checks=["no_late_files"])
        assert platform.tick_all() == []
        assert sorted(subjects(mailbox)) == [
            "[error] model failed in daily",
            "[error] validated/ratings: no_late_files failed in daily",
        ]

    def test_a_retry_repeats_no_check_but_reports_another_one(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        first = platform.run(failing_checks=["no_late_files"])
        platform.retry_of(first, failing_checks=["no_late_files"])
        assert platform.tick_all() == []
        assert len(mailbox.mails) == 1
        platform.retry_of(first, failing_checks=["no_rejected_rows"])
        assert platform.tick_all() == []
        assert subjects(mailbox)[1:] == [
            "[error] validated/ratings: no_rejected_rows failed in daily",
            "[recovered] validated/ratings: no_late_files failed in daily",
        ]
        assert "no_rejected_rows" in mailbox.bodies()[1]

    def test_a_check_that_blocks_is_told_once_not_as_a_failed_step_too(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        run = platform.run(failing_checks=["strict"])
        assert run.status is dg.DagsterRunStatus.FAILURE
        assert platform.tick_all() == []
        assert subjects(mailbox) == ["[error] validated/ratings: strict failed in daily"]
        assert "The run failed: what follows was not made" in mailbox.bodies()[0]


class TestRecovery:
    def test_what_works_again_is_told_once(self, platform: Platform, mailbox: Mailbox) -> None:
        platform.run(error="value")
        assert platform.tick_all() == []
        platform.run()
        platform.run()
        assert platform.tick_all() == []
        assert subjects(mailbox) == [
            "[error] model failed in daily",
            "[recovered] model failed in daily",
        ]
        body = mailbox.bodies()[1]
        assert "It was: ValueError: 7 files are <unreadable>" in body
        assert mailbox.mails[1]["In-Reply-To"] == mailbox.mails[0]["Message-ID"]

    def test_a_retry_that_succeeds_recovers_its_first_attempt(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        first = platform.run(error="value", tags={"dagster/will_retry": "true"})
        platform.retry_of(first)
        assert platform.tick_all() == []
        assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]

    def test_the_order_in_which_sensors_look_does_not_matter(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        platform.run(error="value")
        platform.run()
        assert platform.tick("alert_on_failed_check").dagster_run_reactions
        assert subjects(mailbox) == []
        assert platform.tick("alert_on_run_failure").dagster_run_reactions
        assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]

    def test_another_failure_after_a_success_is_no_recovery(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        platform.run()
        platform.run(error="value")
        assert platform.tick_all() == []
        assert subjects(mailbox) == ["[error] model failed in daily"]

    def test_a_trouble_that_goes_on_is_told_three_times_then_counted(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        for _ in range(6):
            platform.run(error="value")
            assert platform.tick_all() == []
        assert subjects(mailbox) == ["[error] model failed in daily"] * 3
        assert "- repeated: happened 3 times so far" in mailbox.bodies()[2]
        platform.run()
        assert platform.tick_all() == []
        assert "it happened 6 times" in mailbox.bodies()[3]

    def test_a_failure_about_one_drop_is_not_mended_by_another(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        daily = Catalogue(CATALOGUE.owners, CATALOGUE.daily | {"validated/ratings"})
        platform.sensors = {
            s.name: s for s in build_alert_sensors(dg.DefaultSensorStatus.STOPPED, daily)
        }

        def drops(first: str, last: str) -> dict[str, str]:
            return {RANGE_START: first, RANGE_END: last}

        platform.run(drops("2026-03-01", "2026-03-01"), failing_checks=["no_late_files"])
        platform.run(drops("2026-03-02", "2026-03-02"))
        assert platform.tick_all() == []
        assert subjects(mailbox) == [
            "[error] validated/ratings: no_late_files failed in daily (2026-03-01)"
        ]
        platform.run(drops("2026-02-27", "2026-03-05"))
        assert platform.tick_all() == []
        assert len(mailbox.mails) == 2


class TestRouting:
    def test_owners_are_told_of_their_own_assets(
        self, platform: Platform, mailbox: Mailbox, posts: Posts, tmp_path: Path
    ) -> None:
        routes = [
            Route(owners=["team:data"], channels=["email"], recipients=["data@x.org"]),
            Route(owners=["team:models"], channels=["email"], recipients=["ml@x.org"]),
            Route(at_least=Severity.ERROR, channels=["webhook"]),
        ]
        platform.notifier = make_notifier(mailbox, posts, tmp_path, routes=routes)
        platform.run(error="value")
        platform.run(failing_checks=["no_late_files"], severity="WARN")
        assert platform.tick_all() == []
        told = [
            (e.rcpt_tos[0], str(m["Subject"]))
            for e, m in zip(mailbox.envelopes, mailbox.mails, strict=True)
        ]
        assert told == [
            ("ml@x.org", "[error] model failed in daily"),
            ("data@x.org", "[warning] validated/ratings: no_late_files failed in daily"),
            ("ml@x.org", "[recovered] model failed in daily"),
        ]
        assert [post["title"] for post in posts.bodies] == [
            "model failed in daily",
            "Recovered: model failed in daily",
        ]


class TestTicks:
    def test_a_failed_delivery_fails_the_tick_and_is_made_up_for(
        self, platform: Platform, mailbox: Mailbox, posts: Posts
    ) -> None:
        posts.status = 500
        platform.run(error="value")
        (error,) = platform.tick_all()
        assert "AlertDeliveryError" in error
        assert f"webhook: {HOST} answered 500" in error
        # Dagster does not show the run to the sensor again: without the ledger it would be lost.
        assert platform.tick_all() == []
        assert posts.bodies == []
        with pytest.raises(Exception, match="answered 500"):
            platform.tick("redeliver_alerts")
        posts.status = 200
        tick = platform.tick("redeliver_alerts")
        assert tick.skip_message == "delivered: [error] model failed in daily"
        assert platform.tick("redeliver_alerts").skip_message == "nothing waits"
        assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)

    def test_silent_and_told_runs_mix_in_one_tick(
        self, platform: Platform, mailbox: Mailbox
    ) -> None:
        first = platform.run(error="value")
        platform.retry_of(first, error="value")
        platform.run(error="failure")
        platform.run(failing_checks=["no_late_files"])
        platform.run()
        assert platform.tick_all() == []
        assert sorted(subjects(mailbox)) == [
            "[error] model failed in daily",
            "[error] model failed in daily",
            "[error] validated/ratings: no_late_files failed in daily",
            "[recovered] model failed in daily",
            "[recovered] validated/ratings: no_late_files failed in daily",
        ]

    @pytest.mark.parametrize("status", list(dg.DefaultSensorStatus))
    def test_the_caller_decides_whether_they_run(self, status: dg.DefaultSensorStatus) -> None:
        sensors = build_alert_sensors(status, CATALOGUE)
        assert [sensor.name for sensor in sensors] == [
            "alert_on_run_failure",
            "alert_on_failed_check",
            "redeliver_alerts",
        ]
        assert {sensor.default_status for sensor in sensors} == {status}
        dg.Definitions.validate_loadable(
            dg.Definitions(
                sensors=sensors, resources={"notifier": Notifier(), "storage": Storage(home="x")}
            )
        )


def test_only_the_wrapping_of_dagster_is_taken_off_an_error() -> None:
    root = SerializableErrorInfo("OSError: disk\n", [], "OSError")
    user = SerializableErrorInfo("ValueError: 7\n", [], "ValueError", cause=root)
    io = SerializableErrorInfo("...", [], "DagsterExecutionHandleOutputError", cause=user)
    step = SerializableErrorInfo("...", [], "DagsterExecutionStepExecutionError", cause=io)
    assert plain_error(step) == "ValueError: 7"


def test_metadata_is_shown_where_it_fits_a_line() -> None:
    table = dg.MetadataValue.table([dg.TableRecord({"a": 1})])
    metadata = {
        "rows": dg.MetadataValue.int(3),
        "files": dg.MetadataValue.json({"a.csv": 2}),
        "note": dg.MetadataValue.md("\n# head\nbody"),
        "long": dg.MetadataValue.text("x" * 500),
        "table": table,
    }
    texts = metadata_texts(metadata)
    assert texts == {
        "rows": "3",
        "files": '{"a.csv": 2}',
        "note": "# head",
        "long": "x" * 119 + "…",
    }
