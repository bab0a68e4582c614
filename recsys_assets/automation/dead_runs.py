"""Runs at which nobody works any more without a word: nobody else sees it, and they hold up others.

Those of `recsys run` no daemon started. Those of the daemon are watched by its code server; where
that dies with them, as when the machine restarts, they count as begun until their longest time.
So do those that a backup holds as begun which is restored later.
"""

import socket
from pathlib import Path

import dagster as dg

from recsys_assets.automation.own_runs import HOST, hand_to_dagster, process_of
from recsys_assets.processes import lives
from recsys_assets.resources.run_lock import HomeBusyError, alone, runs_in_lock, strike_out

_RESTORED = (
    "This run was at work when the backup was made that has been restored; how it ended is not "
    "known. Run it again: what it wrote is whole."
)
_BEGUN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.STARTING,
]


def close_dead_runs(instance: dg.DagsterInstance, home: Path) -> None:
    """Mark runs as failed whose process has died without a word.

    As long as one counts as begun, Dagster lets no other run out of its queue; one that was still
    being planned, which takes seconds, holds back what the sensor asks for its drops.

    Args:
        instance: where runs are known.
        home: folder of all state; its lock tells which run has died while it wrote tables.
    """
    open_runs = instance.get_runs(dg.RunsFilter(statuses=_BEGUN, tags={HOST: socket.gethostname()}))
    for run in open_runs:
        process = process_of(run)
        if process and not lives(process):
            _close_dead(instance, run)
    _close_those_in_lock(instance, home)


def _close_those_in_lock(instance: dg.DagsterInstance, home: Path) -> None:
    """Close runs that hold the home's lock no more and have not given it back."""
    if not runs_in_lock(home):
        return
    try:
        with alone(home):
            dead = runs_in_lock(home)
            for run_id in dead:
                run = instance.get_run_by_id(run_id)
                if run is not None and run.status is dg.DagsterRunStatus.STARTED:
                    _close_dead(instance, run)
            strike_out(home, dead)
    except HomeBusyError:  # by that run, which lives, or by another, whose end is soon enough
        return


def close_restored_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that were at work when a backup was made which has been restored now.

    Returns:
        Their ids.
    """
    begun = instance.get_runs(dg.RunsFilter(statuses=[*_BEGUN, dg.DagsterRunStatus.CANCELING]))
    for run in begun:
        _close(instance, run, _RESTORED)
    return [run.run_id for run in begun]


def _close_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    again = "; run it again" if process_of(run) else ""  # Dagster repeats what it has started
    _close(instance, run, f"The process of this run died{again}: what it wrote is whole.")


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    instance.report_run_failed(run, why)
    hand_to_dagster(instance, run.run_id)
