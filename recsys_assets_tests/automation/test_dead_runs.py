"""Runs whose process ended without a word hold nobody up and promise nothing."""

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from recsys_assets.assets.partitions import drop_tags
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.dead_runs import close_dead_runs
from recsys_assets.automation.monitors import build_monitors
from recsys_assets.automation.own_runs import PROCESS, tags_of_this_process
from recsys_assets.automation.schedules import request_ingest
from recsys_assets.home import PROJECT
from recsys_assets.resources.alerts import Notifier
from recsys_assets.resources.run_lock import runs_in_lock
from recsys_assets.resources.storage import Storage

WRITES = """
import sys
from pathlib import Path
from recsys_assets.resources.run_lock import acquire
acquire(Path(sys.argv[1]), run_id=sys.argv[2])
print("at work", flush=True)
sys.stdin.read()
"""
"""A process that writes tables for a run until it is killed."""


@dg.op
def work() -> None: ...


@dg.job
def main() -> None:
    work()


def test_a_dead_run_is_closed_by_the_daemon_and_no_retry_is_promised(tmp_path: Path) -> None:
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    stopped = dg.DefaultSensorStatus.STOPPED
    (look,) = [
        sensor
        for sensor in build_monitors(stopped, Catalogue(), [], champion_days=30)
        if sensor.name == "alert_on_failing_automation"
    ]
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        tags = tags_of_this_process() | {PROCESS: "999999999"}
        run = instance.create_run_for_job(main, tags=tags, status=dg.DagsterRunStatus.STARTED)
        notifier = Notifier(ledger_path=str(tmp_path / "alerts.sqlite"))
        resources = {"notifier": notifier, "storage": Storage(home=str(tmp_path))}
        look(dg.build_sensor_context(instance=instance, resources=resources))
        closed = instance.get_run_by_id(run.run_id)
        assert closed is not None
        assert closed.status is dg.DagsterRunStatus.FAILURE
        assert closed.tags["dagster/will_retry"] == "false"


def test_a_run_that_died_while_it_was_planned_holds_no_drop_back(tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 31)
    folder = tmp_path / "landing" / "ratings" / str(day)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("userId,movieId,rating,timestamp\n1,1,3,1\n")
    storage = Storage(home=str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        tags = drop_tags([day]) | tags_of_this_process() | {PROCESS: "999999999"}
        run = instance.create_run_for_job(main, tags=tags)
        held = request_ingest(storage, instance)
        assert isinstance(held, dg.SkipReason) and run.run_id in str(held.skip_message)
        close_dead_runs(instance, tmp_path)
        assert not isinstance(request_ingest(storage, instance), dg.SkipReason)
        living = instance.create_run_for_job(main, tags=tags | tags_of_this_process())
        close_dead_runs(instance, tmp_path)
        still = instance.get_run_by_id(living.run_id)
        assert still is not None and still.status is dg.DagsterRunStatus.NOT_STARTED


@pytest.mark.parametrize("process", ["", "1"])
def test_a_run_that_lives_is_left_alone_where_proc_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, process: str
) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: not str(path).startswith("/proc/"))
    tags = tags_of_this_process() | ({PROCESS: process} if process else {})
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(main, tags=tags, status=dg.DagsterRunStatus.STARTED)
        close_dead_runs(instance, tmp_path)
        still = instance.get_run_by_id(run.run_id)
        assert still is not None and still.status is dg.DagsterRunStatus.STARTED


def test_steps_repeated_in_the_ui_are_not_closed_with_the_process_of_the_run_before(
    tmp_path: Path,
) -> None:
    # The UI hands all tags of a run on where somebody picks steps of it to be executed again.
    tags = tags_of_this_process() | {PROCESS: "999999999"}
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(module_name="m"), location_name="l"
    )
    pointer = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("m", "f"))
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(
            main,
            tags=tags,
            status=dg.DagsterRunStatus.STARTED,
            remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "r"), "main"),
            job_code_origin=JobPythonOrigin("main", pointer),
        )
        close_dead_runs(instance, tmp_path)
        still = instance.get_run_by_id(run.run_id)
        assert still is not None and still.status is dg.DagsterRunStatus.STARTED


def test_a_run_that_died_with_its_code_server_is_closed_and_retried(tmp_path: Path) -> None:
    shutil.copyfile(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    started = dg.DagsterRunStatus.STARTED
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = instance.create_run_for_job(main, status=started)
        with subprocess.Popen(
            [sys.executable, "-c", WRITES, str(tmp_path), run.run_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == b"at work\n"
            close_dead_runs(instance, tmp_path)
            alive = instance.get_run_by_id(run.run_id)
            process.kill()
        assert alive is not None and alive.status is started
        close_dead_runs(instance, tmp_path)
        closed = instance.get_run_by_id(run.run_id)
        assert closed is not None and closed.status is dg.DagsterRunStatus.FAILURE
        assert closed.tags["dagster/will_retry"] == "true"
    assert runs_in_lock(tmp_path) == set()
