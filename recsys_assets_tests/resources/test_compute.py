"""Spark on this machine, opened before the first step asks for it."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import dagster as dg
import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.resources import compute
from recsys_assets.resources.compute import LocalSpark
from recsys_assets.resources.jars import SparkSetupError
from recsys_assets.resources.run_lock import alone
from recsys_assets.resources.spark import JvmDiedError, jvm_is_dead
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session


def count(session: Session, params: NoParams) -> StepReport:
    return StepReport(figures={"rows": session.spark.range(7).count()})


@pytest.fixture
def home(home: Home) -> Home:
    """With Spark's jars, so that none are fetched."""
    home.cache.rmdir()
    home.cache.symlink_to(current_deployment().home.cache)
    return home


def test_a_step_finds_the_session_that_was_opened_ahead(spark: SparkSession, home: Home) -> None:
    LocalSpark(home=str(home.root)).open_ahead()
    (ahead,) = compute._AHEAD
    with dg.build_asset_context() as context:
        report = LocalSpark(home=str(home.root)).run(context, count, NoParams())
    assert report.figures == {"rows": 7}
    assert not ahead.is_alive()
    assert not compute._AHEAD


def test_what_fails_ahead_is_told_by_the_step(
    home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise SparkSetupError("no jars")

    monkeypatch.setattr(compute, "session_config", fail)
    here = LocalSpark(home=str(home.root))
    here.open_ahead()
    with dg.build_asset_context() as context, pytest.raises(SparkSetupError, match="no jars"):
        here.run(context, count, NoParams())
    assert capfd.readouterr().err == ""


def test_who_cancels_a_run_interrupts_its_first_step_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark's own handler, of the step that opens it, makes an error of the call out of it."""

    class Opening:
        def __init__(self, spark_config: object) -> None:
            pass

        @property
        def spark_session(self) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    monkeypatch.setattr(compute, "LazyPySparkResource", Opening)
    monkeypatch.setattr(compute, "start_jvm", lambda config: None)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert LocalSpark(home=str(home.root))._session.spark is None
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, before)


HOLDS = """
import sys, time
from pathlib import Path
from recsys_assets.resources.run_lock import acquire
acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(1)
"""
"""A process that writes tables for a second."""


def test_a_run_says_that_it_waits_for_another(home: Home) -> None:
    said: list[str] = []
    log = SimpleNamespace(info=said.append)
    here = LocalSpark(home=str(home.root))
    command = [sys.executable, "-c", HOLDS, str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        here.wait_for_turn(SimpleNamespace(run_id="run", log=log))  # type: ignore[arg-type]
    assert said == [f"another run is at work in {home.root}: waits for its end"]
    here.wait_for_turn(SimpleNamespace(run_id="run", log=log))  # type: ignore[arg-type]
    here.teardown_after_execution(dg.build_init_resource_context())
    with alone(home.root, tell=said.append):
        assert len(said) == 1


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), EOFError()])
def test_a_jvm_that_is_dying_is_told_as_dead(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Its sockets close a moment before the process has ended."""

    def step(session: Session, params: NoParams) -> StepReport:
        raise error

    with subprocess.Popen(["sleep", "1"]) as dying:
        monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(proc=dying))
        assert not jvm_is_dead()
        here = LocalSpark(home=str(home.root))
        monkeypatch.setitem(here.__dict__, "_session", SimpleNamespace(for_run=lambda _: None))
        with dg.build_asset_context() as context, pytest.raises(JvmDiedError):
            here.run(context, step, NoParams())
