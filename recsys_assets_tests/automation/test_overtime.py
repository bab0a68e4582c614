"""A run ended at its longest time is told so, whether or not its step was interrupted first."""

import logging
import signal
import time
from unittest import mock

import dagster as dg
from dagster._core.events import DagsterEvent, StepSuccessData
from dagster._daemon.monitoring import run_monitoring

from recsys_assets_tests.automation.platform import DEFS, Platform
from recsys_assets_tests.resources.alert_servers import Posts

TOO_LONG = "Exceeded maximum runtime of 21600 seconds."


@dg.op
def stuck(context: dg.OpExecutionContext) -> None:
    # What run monitoring does: it marks the run, and the signal arrives when the step lets it.
    context.instance.report_run_failed(context.run, TOO_LONG)
    signal.raise_signal(signal.SIGINT)


@dg.job(executor_def=dg.in_process_executor)
def slow() -> None:
    stuck()


def test_a_run_that_took_too_long_is_told_so(platform: Platform, posts: Posts) -> None:
    slow.execute_in_process(instance=platform.instance, raise_on_error=False)
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"].endswith(TOO_LONG)
    assert posts.bodies[0]["kind"] == "run-failed"


def test_a_step_that_ends_after_its_run_was_given_up_hides_nothing(
    platform: Platform, posts: Posts
) -> None:
    run = platform.instance.create_run_for_job(DEFS.resolve_job_def("daily"))
    platform.instance.report_run_failed(run, "Run worker health check failed")
    done = DagsterEvent(
        "STEP_SUCCESS", "daily", step_key="model", event_specific_data=StepSuccessData(1.0)
    )
    late = dg.EventLogEntry(
        None,
        10,
        "",
        run.run_id,
        time.time(),
        step_key="model",
        job_name="daily",
        dagster_event=done,
    )
    platform.instance.handle_new_event(late)
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"].endswith("Run worker health check failed")


def test_a_run_that_took_too_long_and_cannot_be_reached_has_not_died(
    platform: Platform, posts: Posts
) -> None:
    instance = platform.instance
    run = instance.create_run_for_job(slow)  # nobody launched it, as with `recsys run`
    instance.report_dagster_event(DagsterEvent("PIPELINE_START", "slow"), run.run_id)
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    later = mock.Mock(return_value=time.time() + 30_000)
    with mock.patch.object(run_monitoring, "get_current_timestamp", later):
        run_monitoring.check_run_timeout(instance, record, logging.getLogger("test"), 28_800.0)
    assert platform.tick_all() == []
    assert posts.bodies[0]["cause"].startswith("The run took longer than it may")
    assert posts.bodies[0]["kind"] == "run-failed"
