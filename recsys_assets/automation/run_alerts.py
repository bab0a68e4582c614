"""A failed run, put into an alert: a pure function of the run and its events.

Event keys name the first attempt of the run, so that the notifier's ledger recognises an automatic
retry of an attempt that was already reported. A run that somebody starts again by hand is news and
gets its own key.
"""

import dagster as dg

from recsys_assets.automation.causes import (
    is_failed_check,
    is_interrupted,
    is_overtime,
    kind_of_error,
    run_error,
    step_error,
)
from recsys_assets.automation.run_story import (
    RunStory,
    failed_drops,
    first_of,
    metadata_texts,
    run_name,
    time_of,
)
from recsys_assets.resources.alerts import Alert, Severity

WILL_RETRY_TAG = "dagster/will_retry"


def alert_for_run_failure(story: RunStory) -> Alert | None:
    """Build the alert about a failed run, or about what failed in one that somebody canceled.

    None where steps failed only because a check that blocks did not pass: the alert about failed
    checks tells of these. None either where nothing but the canceling ended the steps.
    """
    is_canceled = story.run.status is dg.DagsterRunStatus.CANCELED
    failures = story.of_type(dg.DagsterEventType.STEP_FAILURE)
    if is_canceled:
        failures = [event for event in failures if not is_interrupted(event)]
    steps = [event for event in failures if not is_failed_check(event)]
    if not steps and (failures or is_canceled):
        return None
    names = [event.step_key or "?" for event in steps]
    died = (steps if is_canceled else story.of_type(dg.DagsterEventType.RUN_FAILURE))[0]
    # The step that was interrupted then does not know why.
    cause = step_error(steps[0]) if steps and not is_overtime(died) else run_error(died)
    subjects = [_subject(story, event) for event in steps]
    subjects = subjects or [story.subject("step", name, name) for name in _unmade(story)]
    return Alert(
        title=f"{first_of(names)} failed in {run_name(story.run)}"
        if steps
        else f"{run_name(story.run)} failed",
        what=f"Failed: {', '.join(names)}. What needs it was not made."
        if steps
        else "The run failed and no step reported an error. What it had not yet made is missing.",
        severity=Severity.ERROR,
        since=time_of(steps[0] if steps else died),
        cause=cause,
        facts={
            **story.facts,
            **(_failure_metadata(steps[0]) if steps else {}),  # counts for more
            **_run_facts(story),
        },
        event_key=_event_key(story, names),
        kind=kind_of_error(cause),
        owners=story.catalogue.owners_of(names or _planned(story.run)),
        subjects=tuple(subjects or [story.subject("run", story.run.job_name, "")]),
    )


def _subject(story: RunStory, event: dg.EventLogEntry) -> str:
    """A step that failed; of its drops only those that failed, where it says which."""
    name = event.step_key or "?"
    return story.subject("step", name, name, failed_drops(event))


def _event_key(story: RunStory, names: list[str]) -> str:
    """The key of the first attempt; its own where a retry fails in a step that did not before."""
    is_retry = story.first_attempt != story.run.run_id
    news = sorted(set(names) - story.failed_before) if is_retry else []
    return ":".join(["run-failure", story.first_attempt, *news])


def _unmade(story: RunStory) -> list[str]:
    """Steps that a run that died still had before it: another run of its job may leave them out."""
    made = {event.step_key or "?" for event in story.of_type(dg.DagsterEventType.STEP_SUCCESS)}
    return sorted(story.planned() - made)


def _planned(run: dg.DagsterRun) -> list[str]:
    return sorted(key.to_user_string() for key in run.asset_selection or ())


def _failure_metadata(event: dg.EventLogEntry) -> dict[str, str]:
    failure = event.get_dagster_event().step_failure_data.user_failure_data
    return {} if failure is None else metadata_texts(failure.metadata)


def _run_facts(story: RunStory) -> dict[str, str]:
    facts = {"run id": story.run.run_id}
    if story.run.tags.get(WILL_RETRY_TAG) == "true":
        facts["automatic retry"] = (
            "Dagster retries this run by itself; look whether that succeeds: it is told then, so"
            " is another step that fails, but the same one is not told again"
        )
    return facts
