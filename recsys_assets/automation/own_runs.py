"""Runs of `recsys run`: its own process executes them, where Dagster launches all others.

Tags tell by which process on which machine such a run lives. When it has ended it is handed to
Dagster, whose UI can then repeat it as it repeats every other.
"""

import os
import socket
import sys

import dagster as dg
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

PROCESS, HOST = "recsys/process", "recsys/host"
"""Tags that tell by which process on which machine a run lives."""
MAX_RETRIES = "dagster/max_retries"
REPOSITORY = ".dagster/repository"
"""The tag by which the UI lists a job's runs."""
_DEFINITIONS = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable, module_name="recsys_assets.definitions"
        ),
        location_name="recsys_assets",
    ),
    "__repository__",
)
"""Where the UI finds the platform's jobs: as workspace.yaml says."""


def tags_of_this_process() -> dict[str, str]:
    """Tags of a run that this process executes.

    Dagster's daemon can repeat only what it has launched; without the number of retries it marks
    a run that was ended as one to be retried, and alerts promise a retry that never comes.
    """
    return {
        PROCESS: str(os.getpid()),
        HOST: socket.gethostname(),
        MAX_RETRIES: "0",
        REPOSITORY: _DEFINITIONS.get_label(),
    }


def process_of(run: dg.DagsterRun) -> int:
    """The process that executes a run of `recsys run`; 0 where Dagster has launched the run.

    Where somebody repeats such a run in the UI, the new run inherits all of its tags.
    """
    return 0 if run.remote_job_origin else int(run.tags.get(PROCESS, 0))


def hand_to_dagster(instance: dg.DagsterInstance, run_id: str) -> None:
    """Tell Dagster where the job of a run lies that has ended: its UI repeats no other run.

    That no daemon retries it was noted when it failed. What the UI starts in its place inherits its
    tags, and is a run that a daemon may retry.
    """
    run = instance.get_run_by_id(run_id)
    if run is not None and run.is_finished and run.remote_job_origin is None:
        tags = {name: text for name, text in run.tags.items() if name != MAX_RETRIES}
        instance.run_storage.replace_job_origin(
            run.with_tags(tags), _DEFINITIONS.get_job_origin(run.job_name)
        )
