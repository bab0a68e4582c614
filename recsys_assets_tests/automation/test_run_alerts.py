"""Failed runs, from the run to the alert as it arrives."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from recsys_assets_tests.automation.platform import (
    DEFS,
    Platform,
    Switch,
    html_of,
    subjects,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    Posts,
)


def test_the_error_of_the_user_arrives_by_mail_and_hook(
    platform: Platform, mailbox: Mailbox, posts: Posts
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
    platform: Platform, posts: Posts
) -> None:
    platform.run(error="failure")
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"] == "Failure: no file arrived"
    assert posts.bodies[0]["facts"]["still served"] == "model 41"


def test_used_up_retries_do_not_hide_the_error(platform: Platform, posts: Posts) -> None:
    platform.run(error="retries")
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"] == "KeyError: 'user 7'"


def test_an_interrupted_run_is_told_in_plain_words(platform: Platform, posts: Posts) -> None:
    platform.run(error="interrupt")
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"].startswith("The run was interrupted")


def test_a_run_that_died_without_a_word_is_told_so(platform: Platform, posts: Posts) -> None:
    run = platform.instance.create_run_for_job(DEFS.resolve_job_def("daily"))
    platform.instance.report_run_failed(run, "Run worker stopped: exit code 137")
    assert platform.tick_all() == []
    (post,) = posts.bodies
    assert post["what"].startswith("The run failed and no step reported an error.")
    assert "died or never started (out of memory" in post["cause"]
    assert post["cause"].endswith("Dagster says: Run worker stopped: exit code 137")


def test_a_run_that_could_not_start_brings_the_reason(
    platform: Platform, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Switch, context: dg.InitResourceContext) -> None:
        raise ConnectionError("no cluster")

    monkeypatch.setattr(Switch, "setup_for_execution", refuse)
    platform.run()
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"] == "ConnectionError: no cluster"


def test_a_run_that_succeeds_is_silent(platform: Platform, mailbox: Mailbox) -> None:
    platform.run()
    assert platform.tick_all() == []
    assert mailbox.mails == []


def test_an_automatic_retry_is_silent_and_a_new_attempt_by_hand_is_not(
    platform: Platform, mailbox: Mailbox
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
    platform: Platform, mailbox: Mailbox
) -> None:
    first = platform.run()
    platform.retry_of(first, error="value")
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] model failed in daily"]
