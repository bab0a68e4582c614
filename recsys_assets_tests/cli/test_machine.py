"""Commands that start servers on this machine."""

import os

import pytest

from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.resources.alert_servers import free_port

JOBS = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"


def test_the_ui_of_mlflow_starts_no_processes_for_jobs(
    recsys: Recsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], str]] = []
    monkeypatch.setenv(JOBS, "")
    monkeypatch.delenv(JOBS)
    monkeypatch.setattr(os, "execv", lambda _, words: started.append((words, os.environ[JOBS])))
    recsys("mlflow", "--port", free_port())
    ((words, jobs),) = started
    assert words[1:4] == ["-m", "mlflow", "ui"] and jobs == "false"
