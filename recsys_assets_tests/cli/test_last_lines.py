"""The last lines of a run say what failed; they reach the terminal, however busy the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.execution import compute_logs

from recsys_assets.automation.asked_runs import AskedRun
from recsys_assets.automation.console import build_run_logger
from recsys_assets.cli import runs


@dg.asset
def lists() -> None:
    raise ValueError("no rows")


@contextmanager
def ended_too_soon(*_: object) -> Iterator[tuple[None, None]]:
    """What shows a file that Dagster writes, ended before it has looked into it."""
    yield None, None


def test_the_reason_of_a_failure_is_shown_by_the_run_itself(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(compute_logs, "tail_to_stream", ended_too_soon)
    (tmp_path / "dagster").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    job = dg.define_asset_job("main", executor_def=dg.in_process_executor)
    loggers = {"console": build_run_logger(set())}
    defs = dg.Definitions(assets=[lists], jobs=[job], loggers=loggers)
    where = SimpleNamespace(home=SimpleNamespace(root=tmp_path))
    runs._run(where, defs, AskedRun(job="main", assets=None, tags={}))  # type: ignore[arg-type]
    assert "✗ lists failed: ValueError: no rows" in capfd.readouterr().err
