"""What a person reads while a run goes on: what happens and what matters, and no more."""

import logging
from collections.abc import Iterator

import dagster as dg
import pytest

from recsys_assets.automation.console import RunFormatter, build_run_logger, quiet_dagster

GATES = "dagster._core.execution.plan.active"


@dg.asset(output_required=False)
def clicks() -> Iterator[dg.Output[None]]:
    """Nothing landed: nothing is yielded."""
    yield from ()


@dg.asset_check(asset=clicks, blocking=True)
def keeps_contract() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.asset(deps=[clicks])
def click_model() -> None: ...


@dg.asset
def ratings(context: dg.AssetExecutionContext) -> None:
    context.log.info("of no interest")
    context.log.warning("this matters")


@dg.asset_check(asset=ratings)
def few_bad_lines() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="12 of 90 are bad")


@dg.asset(deps=[ratings])
def als_model() -> None:
    raise ValueError("no rows")


@pytest.fixture
def gates() -> Iterator[logging.Logger]:
    """Dagster's own logger, as it is in a new process: earlier tests may have quietened it."""
    logger = logging.getLogger(GATES)
    filters, disabled = list(logger.filters), logger.disabled
    logger.filters.clear()
    logger.disabled = False
    yield logger
    logger.filters[:], logger.disabled = filters, disabled


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    every = [clicks, click_model, ratings, als_model, keeps_contract, few_bad_lines]
    logger = build_run_logger({"clicks_keeps_contract", "ratings_few_bad_lines"})
    job = dg.define_asset_job("main", executor_def=dg.in_process_executor)
    defs = dg.Definitions(
        assets=every[:4], asset_checks=every[4:], jobs=[job], loggers={"console": logger}
    )
    defs.resolve_job_def("main").execute_in_process(
        raise_on_error=False, run_config={"loggers": {"console": {}}}
    )
    return capsys.readouterr().err.splitlines()


def test_a_run_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys)
    assert "… ratings" in lines and "    this matters" in lines
    assert not any("of no interest" in line for line in lines)
    assert any(line.startswith("✓ ratings (") for line in lines)
    assert "! check few_bad_lines of ratings failed (ERROR): 12 of 90 are bad" in lines
    assert any(line.startswith("✗ als_model failed: ") and "no rows" in line for line in lines)
    assert "- click_model skipped: what it needs is not there" in lines


def test_checks_of_what_was_skipped_are_no_reason_for_warnings(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, gates: logging.Logger
) -> None:
    shown(capsys)
    assert "emitted no result in step" in caplog.text, "Dagster warns of itself"
    caplog.clear()
    quiet_dagster()
    shown(capsys)
    gates.warning("another warning of Dagster's")
    assert [r.getMessage() for r in caplog.records if r.name == GATES] == [
        "another warning of Dagster's"
    ]


def test_what_a_file_is_called_makes_a_terminal_do_nothing() -> None:
    record = logging.makeLogRecord({"msg": "Nothing to do: \x1b]0;x\x07 of \x9b2J.csv"})
    assert RunFormatter().format(record) == "    Nothing to do: \ufffd]0;x\ufffd of \ufffd2J.csv"
