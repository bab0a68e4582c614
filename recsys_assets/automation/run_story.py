"""A run that ended, with its events and its names: what alerts about runs are made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from recsys_assets.assets.partitions import DATES, dates_of, days_of, spans_of
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.resources.alerts.message import clean_line
from recsys_assets.resources.alerts.recoveries import about_drops
from recsys_assets.steps.report import CONCERNED

MAX_METADATA_LENGTH = 120

_EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION


@dataclass(frozen=True)
class RunStory:
    """A run that ended, with what alerts need to know of it."""

    run: dg.DagsterRun
    events: Sequence[dg.EventLogEntry]
    """In the order they happened."""
    first_attempt: str
    """Id of the run of which this one is an automatic retry; its own id if none."""
    failed_before: frozenset[str] = frozenset()
    """Steps that failed in the attempts before this one."""
    catalogue: Catalogue = field(default_factory=Catalogue)
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the reader should know: rows quarantined, what is still served."""

    def of_type(self, kind: dg.DagsterEventType) -> list[dg.EventLogEntry]:
        """Events of one type."""
        return [event for event in self.events if event.dagster_event_type is kind]

    def subject(self, prefix: str, name: str, owner: str, concerned: str = "") -> str:
        """What is broken or works: a step or check, with the run's drops where it works on them.

        Args:
            prefix: whether it is a step, a check or a run.
            name: its name.
            owner: asset or step that tells whether it works on drops.
            concerned: dates of those drops that it is about, by comma; all of the run's if empty.
        """
        # Drops that the run passed over are none of them: of those it knows nothing.
        tags = {**self.run.tags, **({DATES: concerned} if concerned else {})}
        spans = spans_of(tags) if owner in self.catalogue.daily else []
        return about_drops(f"{prefix}:{name}", spans)

    def check_subject(self, evaluation: dg.AssetCheckEvaluation) -> str:
        """What is broken or works, where it is a check."""
        asset = evaluation.asset_key.to_user_string()
        concerned = "" if evaluation.passed else concerned_drops(evaluation.metadata)
        return self.subject("check", f"{asset}:{evaluation.check_name}", asset, concerned)

    def planned(self) -> set[str]:
        """Steps that the run was to make."""
        planned = self.of_type(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
        return {event.step_key for event in planned if event.step_key}

    def mended(self) -> dict[str, datetime]:
        """What worked, and when: steps, checks, and the run itself where it succeeded.

        Of a step or check that fails because of some drops, the others work.
        """
        mended = {
            self.subject("step", event.step_key or "?", event.step_key or "?"): time_of(event)
            for event in self.of_type(dg.DagsterEventType.STEP_SUCCESS)
        }
        for event in self.of_type(dg.DagsterEventType.STEP_FAILURE):
            name = event.step_key or "?"
            if well := self._besides(failed_drops(event), name):
                mended[self.subject("step", name, name, well)] = time_of(event)
        for event in self.of_type(_EVALUATION):
            evaluation = event.get_dagster_event().asset_check_evaluation_data
            asset = evaluation.asset_key.to_user_string()
            if evaluation.passed:
                mended[self.check_subject(evaluation)] = time_of(event)
            elif well := self._besides(concerned_drops(evaluation.metadata), asset):
                name = f"{asset}:{evaluation.check_name}"
                mended[self.subject("check", name, asset, well)] = time_of(event)
        if self.run.status is dg.DagsterRunStatus.SUCCESS and self.events:
            end = time_of(self.events[-1])
            mended[f"run:{self.run.job_name}"] = end
            # What it left out on purpose, for nothing had landed, is not broken either.
            mended |= {self.subject("step", step, step): end for step in self.planned()}
        return mended

    def _besides(self, concerned: str, owner: str) -> str:
        """Dates of the run's drops that a failure is not about, which work; empty if none are."""
        if not concerned or owner not in self.catalogue.daily:
            return ""
        return ",".join(days_of(self.run.tags) - set(concerned.split(",")))


def run_name(run: dg.DagsterRun) -> str:
    """Name a run for people: its job and, if it has any, its drops."""
    job = "ad-hoc run" if run.job_name.startswith("__") else run.job_name
    first, last = dates_of(run.tags)
    if not first:
        return job
    return f"{job} ({first})" if first == last else f"{job} ({first} to {last})"


def first_of(names: Sequence[str]) -> str:
    """The first of some names, and how many there are besides."""
    more = len(names) - 1
    return f"{names[0]} and {more} more" if more else names[0]


def time_of(event: dg.EventLogEntry) -> datetime:
    """When an event happened."""
    return datetime.fromtimestamp(event.timestamp, UTC)


def concerned_drops(metadata: Mapping[str, dg.MetadataValue]) -> str:
    """Dates of the drops that a failure is about, by comma; empty where it names none."""
    return str(metadata[CONCERNED].value) if CONCERNED in metadata else ""


def failed_drops(event: dg.EventLogEntry) -> str:
    """Dates of the drops that failed in a step that failed; empty where it names none."""
    failure = event.get_dagster_event().step_failure_data.user_failure_data
    return concerned_drops(failure.metadata) if failure else ""


def metadata_texts(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, str]:
    """Render each metadata value that fits one short line; the UI shows tables and the like."""
    texts = {}
    for name, entry in metadata.items():
        value = entry.value
        if isinstance(value, dict | list):
            value = json.dumps(value, default=str)
        if isinstance(value, str):
            lines = [line for line in value.splitlines() if line.strip()]
            # Of a table the first row says more than the names of its columns.
            is_table = len(lines) > 2 and lines[0].startswith("|")
            value = lines[2 if is_table else 0] if lines else ""
        if isinstance(value, str | int | float | bool):
            texts[name] = clean_line(value, MAX_METADATA_LENGTH)
    return texts
