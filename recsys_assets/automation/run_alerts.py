"""What happened in a run, put into alerts: pure functions of a run and its events.

A failed run -> one `Alert`; all failed checks of a run -> one `Alert`; what worked -> subjects that
are mended. Event keys name the first attempt of the run, so that the notifier's ledger recognises
an automatic retry of an attempt that was already reported. A run that somebody starts again by hand
is news and gets its own key.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from recsys_assets.assets.partitions import dates_of
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.causes import (
    is_failed_check,
    kind_of_check,
    kind_of_error,
    run_error,
    step_error,
)
from recsys_assets.resources.alerts import Alert, Severity
from recsys_assets.resources.alerts.incidents import about_drops
from recsys_assets.resources.alerts.message import clean_line

WILL_RETRY_TAG = "dagster/will_retry"

MAX_METADATA_LINES = 3
MAX_METADATA_LENGTH = 120

_STEP_FAILURE = dg.DagsterEventType.STEP_FAILURE
_STEP_SUCCESS = dg.DagsterEventType.STEP_SUCCESS
_EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION


@dataclass(frozen=True)
class RunStory:
    """A run that ended, with what alerts need to know of it."""

    run: dg.DagsterRun
    events: Sequence[dg.EventLogEntry]
    """In the order they happened."""
    first_attempt: str
    """Id of the run of which this one is an automatic retry; its own id if none."""
    catalogue: Catalogue = field(default_factory=Catalogue)
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the reader should know: rows quarantined, what is still served."""

    def of_type(self, kind: dg.DagsterEventType) -> list[dg.EventLogEntry]:
        """Events of one type."""
        return [event for event in self.events if event.dagster_event_type is kind]

    def subject(self, prefix: str, name: str, owner: str) -> str:
        """What is broken or works: a step or check, with the run's drops where it works on them."""
        dates = dates_of(dict(self.run.tags)) if owner in self.catalogue.daily else ("", "")
        return about_drops(f"{prefix}:{name}", *dates)


def alert_for_run_failure(story: RunStory) -> Alert | None:
    """Build the alert about a failed run.

    None where steps failed only because a check that blocks did not pass: the alert about failed
    checks tells of these.
    """
    failures = story.of_type(_STEP_FAILURE)
    steps = [event for event in failures if not is_failed_check(event)]
    if failures and not steps:
        return None
    names = [event.step_key or "?" for event in steps]
    cause = step_error(steps[0]) if steps else run_error(story.events[-1])
    subjects = [story.subject("step", name, name) for name in names]
    return Alert(
        title=f"{run_name(story.run)} failed",
        what=f"Failed: {', '.join(names)}."
        if steps
        else "The run failed and no step reported an error.",
        severity=Severity.ERROR,
        since=_time_of((steps or story.events)[0]),
        cause=cause,
        facts={
            **_run_facts(story.run),
            **dict.fromkeys(metadata := _failure_metadata(steps[0]) if steps else {}, ""),
            **story.facts,
            **metadata,  # what the step itself says counts for more
        },
        event_key=f"run-failure:{story.first_attempt}",
        kind=kind_of_error(cause),
        owners=story.catalogue.owners_of(names or _planned(story.run)),
        subjects=tuple(subjects or [story.subject("run", story.run.job_name, "")]),
    )


def alert_for_failed_checks(story: RunStory) -> Alert | None:
    """Build the alert about all failed checks of a run; none if every check passed.

    Of repeated evaluations of one check the last counts.
    """
    latest = {_check_name(_evaluation(event)): event for event in story.of_type(_EVALUATION)}
    failed = {name: event for name, event in latest.items() if not _evaluation(event).passed}
    if not failed:
        return None
    # Errors first: what matters most must be what a shortened message still shows.
    worst_first = sorted(failed, key=lambda name: _severity(failed[name]) is not Severity.ERROR)
    worst = _evaluation(failed[worst_first[0]])
    digest = hashlib.sha256("\n".join(sorted(failed)).encode("utf-8")).hexdigest()[:16]
    checks = f"{len(failed)} check{'s' if len(failed) > 1 else ''}"
    assets = [_evaluation(event).asset_key.to_user_string() for event in failed.values()]
    return Alert(
        title=f"{checks} failed in {run_name(story.run)}",
        what=f"{checks} of {len(latest)} failed; the run ended with {story.run.status.value}.",
        severity=_severity(failed[worst_first[0]]),
        since=_time_of(min(failed.values(), key=lambda event: event.timestamp)),
        cause=f"{worst_first[0]}: {worst.description or 'the check gave no description'}",
        facts={
            **{name: _check_line(failed[name]) for name in worst_first},
            **_run_facts(story.run),
            **story.facts,
        },
        event_key=f"failed-checks:{story.first_attempt}:{digest}",
        kind=kind_of_check(worst.check_name, worst.description or ""),
        owners=story.catalogue.owners_of(assets),
        subjects=tuple(_check_subject(story, event) for event in failed.values()),
    )


def mended_by(story: RunStory) -> dict[str, datetime]:
    """What worked in a run, and when: steps, checks, and the run itself where it succeeded."""
    mended = {
        story.subject("step", event.step_key or "?", event.step_key or "?"): _time_of(event)
        for event in story.of_type(_STEP_SUCCESS)
    }
    for event in story.of_type(_EVALUATION):
        if _evaluation(event).passed:
            mended[_check_subject(story, event)] = _time_of(event)
    if story.run.status is dg.DagsterRunStatus.SUCCESS and story.events:
        mended[f"run:{story.run.job_name}"] = _time_of(story.events[-1])
    return mended


def run_name(run: dg.DagsterRun) -> str:
    """Name a run for people: its job and, if it has any, its drops."""
    job = "ad-hoc run" if run.job_name.startswith("__") else run.job_name
    first, last = dates_of(dict(run.tags))
    if not first:
        return job
    return f"{job} ({first})" if first == last else f"{job} ({first} to {last})"


def _planned(run: dg.DagsterRun) -> list[str]:
    return sorted(key.to_user_string() for key in run.asset_selection or ())


def _time_of(event: dg.EventLogEntry) -> datetime:
    return datetime.fromtimestamp(event.timestamp, UTC)


def _failure_metadata(event: dg.EventLogEntry) -> dict[str, str]:
    failure = event.get_dagster_event().step_failure_data.user_failure_data
    return {} if failure is None else metadata_texts(failure.metadata)


def _run_facts(run: dg.DagsterRun) -> dict[str, str]:
    facts = {"run id": run.run_id}
    if run.tags.get(WILL_RETRY_TAG) == "true":
        facts["automatic retry"] = (
            "Dagster retries this run by itself; look whether that succeeds: it is told then, and a"
            " failure of the retry is not reported again"
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


def _check_subject(story: RunStory, event: dg.EventLogEntry) -> str:
    evaluation = _evaluation(event)
    asset = evaluation.asset_key.to_user_string()
    return story.subject("check", f"{asset}:{evaluation.check_name}", asset)


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
