"""A run that is asked for is followed to its end, and says why where it never begins."""

import sys
import threading
import time
from collections.abc import Callable

import dagster as dg
import pytest
import typer
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from recsys_assets.automation.asked_runs import AskedRun, requests_of
from recsys_assets.cli import asked as following
from recsys_assets.home import Home

WANTED = AskedRun(job="main", assets=["good", "bad"], tags={"recsys/dates": "2026-01-31"})
BEFORE = "11111111-2222-3333-4444-555555555555"

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(
            loadable_target_origin=LoadableTargetOrigin(module_name="m"), location_name="l"
        ),
        "r",
    ),
    "main",
)
"""Dagster queues only what it could launch."""


@dg.asset
def good(context: dg.AssetExecutionContext) -> None:
    context.log.warning("100 % of this matters")


@dg.asset
def bad() -> None:
    raise ValueError("no rows")


@pytest.fixture(autouse=True)
def dagster_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records that the command and the daemon share."""
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    monkeypatch.setattr(following, "_PATIENCE_SECONDS", 30.0)
    with dg.DagsterInstance.get() as instance:
        instance.get_runs_count()  # its database is there before two threads ask for it


def play_daemon(home: Home, execute: Callable[[dg.RunRequest, dg.DagsterInstance], None]) -> None:
    """Start the first run that is asked for, as Dagster's daemon does after a tick."""
    with dg.DagsterInstance.get() as instance:
        while not (requests := list(requests_of(home.asked_runs, instance))):
            time.sleep(0.05)
        execute(requests[0], instance)


def run_main(request: dg.RunRequest, instance: dg.DagsterInstance) -> None:
    job = dg.define_asset_job("main", executor_def=dg.in_process_executor)
    defs = dg.Definitions(assets=[good, bad], jobs=[job])
    defs.resolve_job_def(request.job_name or "").execute_in_process(
        instance=instance,
        tags=dict(request.tags),
        asset_selection=list(request.asset_selection or []),
        raise_on_error=False,
    )


def follow(
    home: Home, execute: Callable[[dg.RunRequest, dg.DagsterInstance], None]
) -> dg.DagsterRun:
    daemon = threading.Thread(target=play_daemon, args=(home, execute))
    daemon.start()
    try:
        return following.run_by_daemon(home, WANTED, set())
    finally:
        daemon.join()


@pytest.mark.parametrize("error", [True, False])
def test_a_run_is_followed_to_its_end(
    home: Home, capsys: pytest.CaptureFixture[str], error: bool
) -> None:
    def execute(request: dg.RunRequest, instance: dg.DagsterInstance) -> None:
        keys = list(request.asset_selection or [])
        run_main(request._replace(asset_selection=keys if error else keys[:1]), instance)

    run = follow(home, execute)
    assert run.is_success is not error
    assert run.tags.items() >= WANTED.tags.items()
    lines = capsys.readouterr().err.splitlines()
    assert "… good" in lines and "    100 % of this matters" in lines
    assert any(line.startswith("✗ bad failed: ") and "no rows" in line for line in lines) is error
    assert not list(home.asked_runs.iterdir()), "nobody asks any more"


def test_a_run_that_never_reaches_a_step_says_why(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(request: dg.RunRequest, instance: dg.DagsterInstance) -> None:
        run = instance.create_run_for_job(
            dg.Definitions(assets=[good], jobs=[dg.define_asset_job("main")]).resolve_job_def(
                "main"
            ),
            tags=dict(request.tags),
        )
        instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
        instance.report_run_failed(run, "the worker could not be started")

    assert not follow(home, break_down).is_success
    said = capsys.readouterr().out
    assert "the worker could not be started" in said and "again by itself" in said


def test_what_nobody_takes_up_is_no_longer_asked_for(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(typer.Exit) as caught:
        following.run_by_daemon(home, WANTED, set())
    assert caught.value.exit_code == 1
    assert "recsys health" in capsys.readouterr().out
    assert not list(home.asked_runs.iterdir())


def test_records_that_cannot_be_opened_leave_no_run_behind(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> dg.DagsterInstance:
        raise ConnectionError("no database")

    monkeypatch.setattr(dg.DagsterInstance, "get", refuse)
    with pytest.raises(ConnectionError):
        following.run_by_daemon(home, WANTED, set())
    assert not home.asked_runs.exists(), "it would begin when nobody asks for it any more"


def test_ctrl_c_takes_the_question_back_and_says_what_may_come_of_it(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "run_of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        following.run_by_daemon(home, WANTED, set())
    assert "no longer asked for" in capsys.readouterr().out
    assert not list(home.asked_runs.iterdir())


@pytest.mark.parametrize("busy", [True, False])
def test_a_run_in_the_queue_names_what_it_waits_for_if_it_does(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setattr(following, "_LOOK_SECONDS", 0.05)
    job = dg.Definitions(
        assets=[good], jobs=[dg.define_asset_job("main", selection=[good])]
    ).resolve_job_def("main")

    def wait_and_be_canceled(request: dg.RunRequest, instance: dg.DagsterInstance) -> None:
        if busy:
            instance.create_run_for_job(job, run_id=BEFORE, status=dg.DagsterRunStatus.STARTED)
        run = instance.create_run_for_job(
            job,
            tags=dict(request.tags),
            status=dg.DagsterRunStatus.QUEUED,
            remote_job_origin=ORIGIN,
            job_code_origin=JobPythonOrigin(
                "main", RepositoryPythonOrigin(sys.executable, ModuleCodePointer("m", "f"))
            ),
        )
        time.sleep(1.0)
        instance.report_run_canceled(run)

    run = follow(home, wait_and_be_canceled)
    assert run.status is dg.DagsterRunStatus.CANCELED
    said = capsys.readouterr().out
    assert (f"waits in the queue behind main {BEFORE}" in said) is busy
    assert ("queue" in said) is busy
