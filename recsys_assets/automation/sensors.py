"""Alert sensors: a run that ended -> its events -> `run_alerts`, `check_alerts` -> the notifier.

There is a sensor for runs that fail and one for runs that succeed, because Dagster leaves a run
successful when a check that does not block fails: a failure sensor alone would never tell. Neither
sees a run that somebody canceled, in which steps and checks may have failed before.

Dagster shows a run to a run status sensor once. If the sensor raises, the tick fails, but the run
does not come back. So an alert that could not be delivered waits in the notifier's ledger, and
`redeliver_alerts`, an ordinary sensor, tries again and fails visibly until the alert is out.
"""

from collections.abc import Iterable
from functools import partial

import dagster as dg

from recsys_assets.assets.partitions import spans_of
from recsys_assets.assets.transient import RETRY_NUMBER_TAG
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.check_alerts import alert_for_failed_checks
from recsys_assets.automation.health import Findings
from recsys_assets.automation.run_alerts import alert_for_run_failure
from recsys_assets.automation.run_story import RunStory
from recsys_assets.automation.served import damage_facts, quarantine_assets, served_facts
from recsys_assets.automation.summary import summary_of
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.resources.alerts import Notifier
from recsys_assets.resources.storage import Storage

PARENT_RUN_TAG = "dagster/parent_run_id"

_TYPES = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
}


def attempts_before(run: dg.DagsterRun, instance: dg.DagsterInstance) -> list[str]:
    """Ids of the runs of which this is an automatic retry, the first last, as far as known."""
    before: list[str] = []
    while run.tags.get(RETRY_NUMBER_TAG, "0") != "0" and PARENT_RUN_TAG in run.tags:
        before.append(run.tags[PARENT_RUN_TAG])
        parent = instance.get_run_by_id(before[-1])
        if parent is None:
            break
        run = parent
    return before


def failed_steps(run_ids: Iterable[str], instance: dg.DagsterInstance) -> frozenset[str]:
    """Steps that failed in some runs."""
    failed = dg.DagsterEventType.STEP_FAILURE
    return frozenset(
        record.event_log_entry.step_key or "?"
        for run_id in run_ids
        for record in instance.get_records_for_run(run_id, of_type=failed).records
    )


def story_of(
    run: dg.DagsterRun, instance: dg.DagsterInstance, catalogue: Catalogue, storage: Storage
) -> RunStory:
    """A run that ended, with all that alerts tell of it."""
    records = instance.get_records_for_run(run.run_id, of_type=_TYPES, ascending=True).records
    before = attempts_before(run, instance)
    return RunStory(
        run=run,
        events=[record.event_log_entry for record in records],
        first_attempt=[run.run_id, *before][-1],
        failed_before=failed_steps(before, instance),
        catalogue=catalogue,
        facts=served_facts(storage.lake, spans_of(run.tags)),
    )


def tell(story: RunStory, notifier: Notifier, storage: Storage) -> None:
    """Report what broke in a run, and what it mended; all of it is tried.

    Raises:
        AlertDeliveryError: the first delivery that failed; it waits in the ledger.
    """
    alerts = [alert_for_run_failure(story)] if story.run.status in _NOT_WELL else []
    alerts.append(alert_for_failed_checks(story))
    apart = quarantine_assets(storage.lake, spans_of(story.run.tags))
    known = [
        alert.model_copy(
            update={
                "links": notifier.links(alert.kind, story.run.run_id, apart),
                "facts": damage_facts(alert.kind, storage.lake) | alert.facts,
            }
        )
        for alert in alerts
        if alert
    ]
    Findings(known, story.mended()).report(notifier)


_NOT_WELL = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


# The sensors watch all code locations because `recsys run` executes in its own process: its runs
# belong to none. The functions below return None on purpose: Dagster refuses a tick in which one
# run was answered with a SkipReason and another was acted on, and would repeat that tick.


def redeliver_alerts(notifier: Notifier) -> dg.SkipReason:
    """Send again what a channel could not take; the tick fails as long as one still cannot."""
    delivered = notifier.redeliver()
    return dg.SkipReason(f"delivered: {'; '.join(delivered)}" if delivered else "nothing waits")


def build_alert_sensors(
    default_status: dg.DefaultSensorStatus, catalogue: Catalogue
) -> list[dg.SensorDefinition]:
    """Build the sensors about runs; they need the resources `notifier` and `storage`.

    Args:
        default_status: whether they run without somebody switching them on in the UI.
        catalogue: owners of the assets.
    """

    def told(context: dg.RunStatusSensorContext, notifier: Notifier, storage: Storage) -> None:
        story = story_of(context.dagster_run, context.instance, catalogue, storage)
        tell(story, notifier, storage)

    def told_success(
        context: dg.RunStatusSensorContext, notifier: Notifier, storage: Storage
    ) -> None:
        try:
            told(context, notifier, storage)
        finally:  # a channel that is down must not silence what was published
            tell_published(context, notifier, storage)

    def tell_published(
        context: dg.RunStatusSensorContext, notifier: Notifier, storage: Storage
    ) -> None:
        run, written = context.dagster_run, {dg.DagsterEventType.ASSET_MATERIALIZATION}
        found = context.instance.get_records_for_run(run.run_id, of_type=written, ascending=True)
        events = [record.event_log_entry for record in found.records]
        owners = catalogue.owners_of([TOP_K])
        summary = summary_of(run, events, catalogue.stages, owners, served_facts(storage.lake))
        if summary is not None:
            links = notifier.links(summary.kind, run.run_id)
            notifier.send(summary.model_copy(update={"links": links}))

    watch = partial(
        dg.run_status_sensor, monitor_all_code_locations=True, default_status=default_status
    )
    on_failure = watch(
        run_status=dg.DagsterRunStatus.FAILURE,
        name="alert_on_run_failure",
        description="Tells people about every run that fails, and about its failed checks.",
    )
    on_success = watch(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_failed_check",
        description="Tells people what was published, which checks failed, and what recovered.",
    )
    on_canceled = watch(
        run_status=dg.DagsterRunStatus.CANCELED,
        name="alert_on_canceled_run",
        description="Tells people what had failed in a run before somebody canceled it.",
    )
    again = dg.sensor(
        name="redeliver_alerts",
        description="Sends again the alerts that a channel could not take.",
        minimum_interval_seconds=60,
        default_status=default_status,
    )
    return [
        on_failure(told),
        on_success(told_success),
        on_canceled(told),
        again(redeliver_alerts),
    ]
