"""Failed checks, from the run to the alert as it arrives."""

import datetime

import dagster as dg
from dagster._core.events import DagsterEvent

from recsys_assets.assets.partitions import drop_tags
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.check_alerts import alert_for_failed_checks
from recsys_assets.automation.sensors import story_of
from recsys_assets_tests.automation.platform import (
    Platform,
    html_of,
    subjects,
)
from recsys_assets_tests.resources.alert_servers import (
    Mailbox,
    Posts,
)


def test_a_successful_run_with_failed_checks_brings_one_alert(
    platform: Platform, mailbox: Mailbox, posts: Posts
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


def test_a_warning_is_a_warning(platform: Platform, mailbox: Mailbox) -> None:
    platform.run(failing_checks=["no_late_files"], severity="WARN")
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[warning] validated/ratings: no_late_files failed in daily"]
    assert "- validated/ratings: no_late_files: WARN: " in mailbox.bodies()[0]


def test_a_failed_run_reports_its_error_and_its_checks(
    platform: Platform, mailbox: Mailbox
) -> None:
    platform.run(error="value", failing_checks=["no_late_files"])
    assert platform.tick_all() == []
    assert sorted(subjects(mailbox)) == [
        "[error] model failed in daily",
        "[error] validated/ratings: no_late_files failed in daily",
    ]


def test_a_retry_repeats_no_check_but_reports_another_one(
    platform: Platform, mailbox: Mailbox
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
    platform: Platform, mailbox: Mailbox
) -> None:
    run = platform.run(failing_checks=["strict"])
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] validated/ratings: strict failed in daily"]
    assert "The run failed: what follows was not made" in mailbox.bodies()[0]


def test_the_remedy_is_about_the_check_that_matters_most(platform: Platform) -> None:
    drop = drop_tags([datetime.date(2026, 1, 31)])
    run = dg.DagsterRun("ingest", tags=drop, status=dg.DagsterRunStatus.FAILURE)
    platform.instance.add_run(run)
    for asset, check, severity in (
        ("clicks", "few_quarantined_lines", dg.AssetCheckSeverity.WARN),
        ("ratings", "every_line_accounted_for", dg.AssetCheckSeverity.ERROR),
    ):
        evaluation = dg.AssetCheckEvaluation(
            dg.AssetKey(asset), check, passed=False, metadata={}, severity=severity
        )
        platform.instance.report_dagster_event(
            DagsterEvent("ASSET_CHECK_EVALUATION", "ingest", event_specific_data=evaluation),
            run.run_id,
        )
    catalogue = Catalogue(daily=frozenset({"clicks", "ratings"}))
    alert = alert_for_failed_checks(story_of(run, platform.instance, catalogue, platform.storage))
    assert alert is not None and alert.remedy is not None
    assert alert.title.startswith("ratings: every_line_accounted_for")
    assert alert.remedy.command == ("recsys run --from 2026-01-31 --to 2026-01-31 --select ratings")
