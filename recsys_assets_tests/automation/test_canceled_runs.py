"""What failed in a run before somebody canceled it is told; the canceling is nobody's trouble."""

import dagster as dg

from recsys_assets_tests.automation.platform import DEFS, Platform, subjects
from recsys_assets_tests.resources.alert_servers import Mailbox


def cancel_after(platform: Platform, **switch: object) -> None:
    """A run of which somebody ends what is left when its steps have done what they do."""
    with_config = {"resources": {"switch": {"config": switch}}}
    job = DEFS.resolve_job_def("daily")
    run = platform.instance.create_run_for_job(job, run_config=with_config)
    platform.instance.report_run_canceling(run)
    failed = job.execute_in_process(
        instance=dg.DagsterInstance.ephemeral(), run_config=with_config, raise_on_error=False
    )
    for event in failed.all_events:
        if event.event_type not in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_START):
            platform.instance.report_dagster_event(event, run.run_id)
    platform.instance.report_run_canceled(run)


def test_a_step_that_failed_before_is_told(platform: Platform, mailbox: Mailbox) -> None:
    cancel_after(platform, error="value")
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] model failed in daily"]
    platform.run()
    assert platform.tick_all() == []
    assert subjects(mailbox)[1:] == ["[recovered] model failed in daily"]


def test_a_check_that_failed_before_is_told(platform: Platform, mailbox: Mailbox) -> None:
    cancel_after(platform, failing_checks=["no_late_files"])
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] validated/ratings: no_late_files failed in daily"]
    assert "The run was canceled" in mailbox.bodies()[0]


def test_the_canceling_itself_is_not(platform: Platform, mailbox: Mailbox) -> None:
    cancel_after(platform, error="interrupt")
    assert platform.tick_all() == []
    assert subjects(mailbox) == []
