"""Spark on this machine, opened before the first step asks for it."""

import subprocess
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
from recsys_assets.resources.spark import JvmDiedError, jvm_is_dead
from recsys_assets.steps.features.tables import NoParams
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
