"""A run that a daemon is asked for, followed line by line until it ends."""

import time

import dagster as dg
import typer

from recsys_assets.automation.asked_runs import AskedRun, ask_for, run_of, take_back
from recsys_assets.automation.console import line_handler, record_of
from recsys_assets.automation.run_alerts import WILL_RETRY_TAG
from recsys_assets.cli.shared import console
from recsys_assets.home import Home

_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 300.0
"""The sensor looks every ten seconds; after this, nobody is there to take the run up."""
_AT_WORK = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_BROKEN_OFF = (
    "the run is no longer asked for; if the daemon has taken it up in this moment, it begins all "
    "the same: end it in the UI"
)


def run_by_daemon(home: Home, asked: AskedRun, checks: set[str]) -> dg.DagsterRun:
    """Ask for a run, show what it does, and return it when it has ended.

    Args:
        home: where the word for the daemon is left.
        asked: what is to be run.
        checks: names of steps that are asset checks.

    Raises:
        typer.Exit: no daemon has taken the run up; it is no longer asked for.
    """
    with dg.DagsterInstance.get() as instance:  # asked after it: what fails here asks for nothing
        name = ask_for(home.asked_runs, asked)
        try:
            run = _taken_up(instance, name)
        except KeyboardInterrupt:
            console.print(_BROKEN_OFF, soft_wrap=True)
            raise
        finally:
            take_back(home.asked_runs, name)
        try:
            ended = _followed(instance, run.run_id, checks)
        except KeyboardInterrupt:
            console.print(f"run {run.run_id} goes on: end it in the UI")
            raise
        _tell_of_retry(instance, ended)
        return ended


def _tell_of_retry(instance: dg.DagsterInstance, ended: dg.DagsterRun) -> None:
    """Keep people from repeating by hand what Dagster repeats: a crash, or a fault that passes."""
    known = instance.get_run_by_id(ended.run_id)  # tagged in the moment in which it failed
    if known and known.tags.get(WILL_RETRY_TAG) == "true":
        console.print(
            f"Dagster runs {ended.run_id} again by itself: see the UI before you repeat it",
            soft_wrap=True,
        )


def _taken_up(instance: dg.DagsterInstance, name: str) -> dg.DagsterRun:
    end = time.monotonic() + _PATIENCE_SECONDS
    with console.status("waiting for Dagster's daemon to take the run up"):
        while time.monotonic() < end:
            if run := run_of(instance, name):
                return run
            time.sleep(_LOOK_SECONDS)
    console.print(
        f"no daemon has taken the run up in {_PATIENCE_SECONDS:.0f} s, and it is no longer asked "
        "for: `recsys health` says what is dead; is the sensor start_asked_runs switched on?",
        soft_wrap=True,
    )
    raise typer.Exit(1)


def _followed(instance: dg.DagsterInstance, run_id: str, checks: set[str]) -> dg.DagsterRun:
    show, cursor = line_handler(checks), None
    told_of_queue = has_failed_step = False
    while True:
        # Looked at before its events: those of a run that has ended are all there.
        run = instance.get_run_by_id(run_id)
        if run is None:
            console.print(f"run {run_id} has been deleted")
            raise typer.Exit(1)
        is_queued = run.status is dg.DagsterRunStatus.QUEUED
        if is_queued and not told_of_queue and (others := _at_work(instance)):
            console.print(f"run {run_id} waits in the queue behind {others}", soft_wrap=True)
            told_of_queue = True
        found = instance.get_records_for_run(run_id, cursor=cursor, ascending=True)
        cursor = found.cursor
        for record in found.records:
            entry = record.event_log_entry
            show.handle(record_of(entry))
            event = entry.dagster_event
            if event is None:
                continue
            has_failed_step = has_failed_step or event.is_step_failure
            if event.event_type is dg.DagsterEventType.RUN_FAILURE and not has_failed_step:
                console.print(event.message or "", highlight=False, markup=False, soft_wrap=True)
        if run.is_finished:
            return run
        time.sleep(_LOOK_SECONDS)


def _at_work(instance: dg.DagsterInstance) -> str:
    """Runs for whose end the queue waits, by comma; empty where it is only a moment's matter."""
    found = instance.get_runs(dg.RunsFilter(statuses=_AT_WORK))
    return ", ".join(f"{run.job_name} {run.run_id}" for run in found)
