"""Runs of `recsys run` that ended without a word hold nobody up and promise nothing."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.dead_runs import PROCESS, close_dead_runs, tags_of_this_process
from recsys_assets.automation.monitors import build_monitors
from recsys_assets.home import PROJECT
from recsys_assets.resources.alerts import Notifier


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
        look(dg.build_sensor_context(instance=instance, resources={"notifier": notifier}))
        closed = instance.get_run_by_id(run.run_id)
        assert closed is not None
        assert closed.status is dg.DagsterRunStatus.FAILURE
        assert closed.tags["dagster/will_retry"] == "false"


@pytest.mark.parametrize("process", ["", "1"])
def test_a_run_that_lives_is_left_alone_where_proc_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: not str(path).startswith("/proc/"))
    tags = tags_of_this_process() | ({PROCESS: process} if process else {})
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(main, tags=tags, status=dg.DagsterRunStatus.STARTED)
        close_dead_runs(instance)
        still = instance.get_run_by_id(run.run_id)
        assert still is not None and still.status is dg.DagsterRunStatus.STARTED
