"""Runs of `recsys run`: no daemon started them, so none repeats them or sees them die."""

import os
import socket

import dagster as dg

PROCESS, HOST = "recsys/process", "recsys/host"
"""Tags that tell by which process on which machine a run lives."""
MAX_RETRIES = "dagster/max_retries"


def tags_of_this_process() -> dict[str, str]:
    """Tags of a run that this process executes.

    Dagster can repeat only what its daemon has launched; without the last tag it marks a run that
    was ended as one to be retried, and alerts promise a retry that never comes.
    """
    return {PROCESS: str(os.getpid()), HOST: socket.gethostname(), MAX_RETRIES: "0"}


def close_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process on this machine has died without a word.

    As long as one counts as begun, Dagster lets no other run out of its queue.
    """
    open_runs = instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING],
            tags={HOST: socket.gethostname()},
        )
    )
    for run in open_runs:
        process = int(run.tags.get(PROCESS, 0))
        if process and not _lives(process):
            instance.report_run_failed(
                run, "The process of this run died; run it again: what it wrote is whole."
            )


def _lives(process: int) -> bool:
    """Whether a process is there; asked of the kernel, for not every ``/proc`` shows all of them.

    macOS has none, and hardened machines hide the processes of other users in it.
    """
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it belongs to somebody else
        return True
    return True
