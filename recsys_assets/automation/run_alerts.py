"""What happened in a run, put into alerts: pure functions of a run and its events.

A failed run -> one `Alert`; all failed checks of a run -> one `Alert`. Event keys name the first
attempt of the run, so that the notifier's ledger recognises an automatic retry of an attempt that
was already reported. A run that somebody starts again by hand is news and gets its own key.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from recsys_assets.resources.alerts import Alert, Severity
from recsys_assets.resources.alerts.message import clean_line

WILL_RETRY_TAG = "dagster/will_retry"

MAX_METADATA_LINES = 3
MAX_METADATA_LENGTH = 120

_WRAPPERS = ("Dagster", "RetryRequested")
_INTERRUPTIONS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def alert_for_run_failure(
    run: dg.DagsterRun,
    events: Sequence[dg.EventLogEntry],
    links: Mapping[str, str],
    first_attempt: str,
) -> Alert:
    """Build the alert about a failed run.

    Args:
        run: the failed run.
        events: its step failures and its run failure, in the order they happened.
        links: where the reader can go from the alert.
        first_attempt: id of the run of which this one is an automatic retry; its own id if none.
    """
    step_failure = dg.DagsterEventType.STEP_FAILURE
    steps = [event for event in events if event.dagster_event_type is step_failure]
    names = ", ".join(event.step_key or "?" for event in steps)
    return Alert(
        title=f"{run_name(run)} failed",
        what=f"Failed: {names}." if steps else "The run failed and no step reported an error.",
        severity=Severity.ERROR,
        since=_time_of(events[0]),
        cause=_step_error(steps[0]) if steps else _run_error(events[-1]),
        facts=_run_facts(run) | (_failure_metadata(steps[0]) if steps else {}),
        links=dict(links),
        event_key=f"run-failure:{first_attempt}",
    )


def alerts_for_failed_checks(
    run: dg.DagsterRun,
    events: Sequence[dg.EventLogEntry],
    links: Mapping[str, str],
    first_attempt: str,
) -> list[Alert]:
    """Build the alert about all failed checks of a run; none if every check passed.

    Args:
        run: the run, successful or not.
        events: its check evaluations, in the order they happened; of repeated evaluations of one
            check the last counts.
        links: where the reader can go from the alert.
        first_attempt: id of the run of which this one is an automatic retry; its own id if none.
    """
    latest = {_check_name(_evaluation(event)): event for event in events}
    failed = {name: event for name, event in latest.items() if not _evaluation(event).passed}
    if not failed:
        return []
    # Errors first: what matters most must be what a shortened message still shows.
    worst_first = sorted(failed, key=lambda name: _severity(failed[name]) is not Severity.ERROR)
    first = _evaluation(failed[worst_first[0]])
    digest = hashlib.sha256("\n".join(sorted(failed)).encode("utf-8")).hexdigest()[:16]
    checks = f"{len(failed)} check{'s' if len(failed) > 1 else ''}"
    alert = Alert(
        title=f"{checks} failed in {run_name(run)}",
        what=f"{checks} of {len(latest)} failed; the run ended with {run.status.value}.",
        severity=_severity(failed[worst_first[0]]),
        since=_time_of(min(failed.values(), key=lambda event: event.timestamp)),
        cause=f"{worst_first[0]}: {first.description or 'the check gave no description'}",
        facts={name: _check_line(failed[name]) for name in worst_first} | _run_facts(run),
        links=dict(links),
        event_key=f"failed-checks:{first_attempt}:{digest}",
    )
    return [alert]


def run_name(run: dg.DagsterRun) -> str:
    """Name a run for people: its job and, if it has one, its partition."""
    job = "ad-hoc run" if run.job_name.startswith("__") else run.job_name
    partition = run.tags.get("dagster/partition")
    return f"{job} ({partition})" if partition else job


def plain_error(error: SerializableErrorInfo) -> str:
    """Give class and message of the user's exception, without what Dagster wrapped around it."""
    while error.cause is not None and (error.cls_name or "").startswith(_WRAPPERS):
        error = error.cause
    if error.cls_name in _INTERRUPTIONS:
        return "The run was interrupted: its process was told to stop, for example by a deployment."
    return error.message.strip()


def _time_of(event: dg.EventLogEntry) -> datetime:
    return datetime.fromtimestamp(event.timestamp, UTC)


def _step_error(event: dg.EventLogEntry) -> str:
    failure = event.get_dagster_event().step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return f"Failure: {failure.user_failure_data.description}"
    return plain_error(failure.error) if failure.error else "The step gave no reason."


def _run_error(event: dg.EventLogEntry) -> str:
    failure = event.get_dagster_event()
    if failure.event_specific_data is not None and failure.job_failure_data.error is not None:
        return plain_error(failure.job_failure_data.error)
    return (
        "No step failure was recorded: the process of the run died or never started (out of memory,"
        f" killed, or its machine lost). Dagster says: {failure.message}"
    )


def _failure_metadata(event: dg.EventLogEntry) -> dict[str, str]:
    failure = event.get_dagster_event().step_failure_data.user_failure_data
    return {} if failure is None else metadata_texts(failure.metadata)


def _run_facts(run: dg.DagsterRun) -> dict[str, str]:
    facts = {"run id": run.run_id}
    if run.tags.get(WILL_RETRY_TAG) == "true":
        facts["automatic retry"] = (
            "Dagster retries this run by itself; look whether that succeeds, since a failure of the"
            " retry is not reported again"
        )
    return facts


def _evaluation(event: dg.EventLogEntry) -> dg.AssetCheckEvaluation:
    return event.get_dagster_event().asset_check_evaluation_data


def _severity(event: dg.EventLogEntry) -> Severity:
    is_error = _evaluation(event).severity is dg.AssetCheckSeverity.ERROR
    return Severity.ERROR if is_error else Severity.WARNING


def _check_name(evaluation: dg.AssetCheckEvaluation) -> str:
    name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
    return f"{name} [{evaluation.partition}]" if evaluation.partition else name


def _check_line(event: dg.EventLogEntry) -> str:
    evaluation = _evaluation(event)
    blocking = ", blocking" if evaluation.blocking else ""
    first_lines = list(metadata_texts(evaluation.metadata).items())[:MAX_METADATA_LINES]
    parts = [evaluation.description or "no description"]
    parts += [f"{name} = {text}" for name, text in first_lines]
    return f"{evaluation.severity.value}{blocking}: " + "; ".join(parts)


def metadata_texts(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, str]:
    """Render each metadata value that fits one short line; the UI shows tables and the like."""
    texts = {}
    for name, entry in metadata.items():
        value = entry.value
        if isinstance(value, dict | list):
            value = json.dumps(value, default=str)
        if isinstance(value, str):
            value = next((line for line in value.splitlines() if line.strip()), "")
        if isinstance(value, str | int | float | bool):
            texts[name] = clean_line(value, MAX_METADATA_LENGTH)
    return texts
