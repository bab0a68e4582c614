"""All failed checks of a run, put into one alert: a pure function of the run and its events."""

import hashlib
from collections.abc import Mapping

import dagster as dg

from recsys_assets.automation.causes import kind_of_check
from recsys_assets.automation.run_story import (
    RunStory,
    first_of,
    metadata_texts,
    run_name,
    time_of,
)
from recsys_assets.resources.alerts import Alert, Severity

MAX_METADATA_LINES = 3


def alert_for_failed_checks(story: RunStory) -> Alert | None:
    """Build the alert about all failed checks of a run; none if every check passed.

    Of repeated evaluations of one check the last counts.
    """
    evaluated = story.of_type(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    latest = {_check_name(_evaluation(event)): event for event in evaluated}
    failed = {name: event for name, event in latest.items() if not _evaluation(event).passed}
    if not failed:
        return None
    # Errors first: what matters most must be what a shortened message still shows.
    worst_first = sorted(failed, key=lambda name: _severity(failed[name]) is not Severity.ERROR)
    worst = _evaluation(failed[worst_first[0]])
    digest = hashlib.sha256("\n".join(sorted(failed)).encode("utf-8")).hexdigest()[:16]
    assets = [_evaluation(event).asset_key.to_user_string() for event in failed.values()]
    return Alert(
        title=f"{first_of(worst_first)} failed in {run_name(story.run)}",
        what=f"{len(failed)} of {len(latest)} checks failed. {_consequence(story.run)}",
        severity=_severity(failed[worst_first[0]]),
        since=time_of(min(failed.values(), key=lambda event: event.timestamp)),
        cause=worst.description or _in_words(worst, story.catalogue.promises),
        facts={
            **story.facts,
            **{name: _check_line(failed[name]) for name in worst_first},
            "run id": story.run.run_id,
        },
        event_key=f"failed-checks:{story.first_attempt}:{digest}",
        kind=kind_of_check(worst.check_name, worst.description or ""),
        owners=story.catalogue.owners_of(assets),
        # The remedy takes its data set and drop from the first of them.
        subjects=tuple(story.check_subject(_evaluation(failed[name])) for name in worst_first),
    )


def _in_words(evaluation: dg.AssetCheckEvaluation, promises: Mapping[str, str]) -> str:
    """Why a check failed that only gave figures: what should hold, and what was found."""
    name = f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}"
    found = "; ".join(f"{n} = {text}" for n, text in metadata_texts(evaluation.metadata).items())
    return f"This does not hold: {promises.get(name) or name}\nFound: {found or 'no figures'}"


def _consequence(run: dg.DagsterRun) -> str:
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return "None of them blocks: the run went on to its end, and users see what it published."
    if run.status is dg.DagsterRunStatus.CANCELED:
        return "The run was canceled: what follows was not made, users see the tables of before."
    return "The run failed: what follows was not made, and users see the tables of before."


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
