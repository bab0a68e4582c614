"""Alert sensors: a run that ended -> its events -> `run_alerts` -> the notifier.

There is a sensor for runs that fail and one for checks that fail, because Dagster leaves a run
successful when a check that does not block fails: a failure sensor alone would never tell.

Dagster shows a run to a run status sensor once. If the sensor raises, the tick fails, but the run
does not come back. So an alert that could not be delivered waits in the notifier's ledger, and
`redeliver_alerts`, an ordinary sensor, tries again and fails visibly until the alert is out.
"""

import dagster as dg

from recsys_assets.automation.run_alerts import alert_for_run_failure, alerts_for_failed_checks
from recsys_assets.resources.alerts import Notifier

RETRY_NUMBER_TAG = "dagster/retry_number"
PARENT_RUN_TAG = "dagster/parent_run_id"


def first_attempt_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """Follow automatic retries back to the run that was launched first, as far as it is known."""
    while run.tags.get(RETRY_NUMBER_TAG, "0") != "0" and PARENT_RUN_TAG in run.tags:
        parent = instance.get_run_by_id(run.tags[PARENT_RUN_TAG])
        if parent is None:
            return run.tags[PARENT_RUN_TAG]
        run = parent
    return run.run_id


def _events_of(
    context: dg.RunStatusSensorContext, types: set[dg.DagsterEventType]
) -> list[dg.EventLogEntry]:
    run_id = context.dagster_run.run_id
    records = context.instance.get_records_for_run(run_id, of_type=types, ascending=True).records
    return [record.event_log_entry for record in records]


# The sensors watch all code locations because `recsys run` executes in its own process: its runs
# belong to none. The two functions below return None on purpose: Dagster refuses a tick in which
# one run was answered with a SkipReason and another was acted on, and would repeat that tick.


def alert_on_run_failure(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
    """Report a run that failed."""
    run = context.dagster_run
    types = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    first_attempt = first_attempt_of(run, context.instance)
    links = notifier.links(run.run_id)
    notifier.send(alert_for_run_failure(run, _events_of(context, types), links, first_attempt))


def alert_on_failed_check(context: dg.RunStatusSensorContext, notifier: Notifier) -> None:
    """Report the checks that failed in a run, whatever became of the run."""
    run = context.dagster_run
    events = _events_of(context, {dg.DagsterEventType.ASSET_CHECK_EVALUATION})
    first_attempt = first_attempt_of(run, context.instance)
    for alert in alerts_for_failed_checks(run, events, notifier.links(run.run_id), first_attempt):
        notifier.send(alert)


def redeliver_alerts(notifier: Notifier) -> dg.SkipReason:
    """Send again what a channel could not take; the tick fails as long as one still cannot."""
    delivered = notifier.redeliver()
    return dg.SkipReason(f"delivered: {'; '.join(delivered)}" if delivered else "nothing waits")


def build_alert_sensors(default_status: dg.DefaultSensorStatus) -> list[dg.SensorDefinition]:
    """Build the four alert sensors; they need the resource `notifier`.

    Args:
        default_status: whether they run without somebody switching them on in the UI.
    """
    on_failure = dg.run_failure_sensor(
        name="alert_on_run_failure",
        description="Tells people about every run that fails.",
        monitor_all_code_locations=True,
        default_status=default_status,
    )
    on_check = dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_failed_check",
        description="Tells people about checks that fail in runs that succeed.",
        monitor_all_code_locations=True,
        default_status=default_status,
    )
    on_check_of_failed_run = dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.FAILURE,
        name="alert_on_failed_check_of_failed_run",
        description="Tells people about checks that fail in runs that fail.",
        monitor_all_code_locations=True,
        default_status=default_status,
    )
    again = dg.sensor(
        name="redeliver_alerts",
        description="Sends again the alerts that a channel could not take.",
        minimum_interval_seconds=60,
        default_status=default_status,
    )
    return [
        on_failure(alert_on_run_failure),
        on_check(alert_on_failed_check),
        on_check_of_failed_run(alert_on_failed_check),
        again(redeliver_alerts),
    ]
