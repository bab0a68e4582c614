"""What each failure looks like: in the program, on the driver, at the service."""

from pathlib import Path
from typing import Any

import pytest

from recsys_assets.resources.databricks import RUN_LINK, DatabricksSpark
from recsys_assets_tests.resources.databricks.double import (
    DatabricksDouble,
)
from recsys_assets_tests.resources.databricks.runs import (
    ANSWER,
    everything_written,
    failure_of,
    run_step_as_asset,
)


def test_a_success_without_a_report_is_a_failure(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.program = "pass"
    description, metadata = failure_of(run_step_as_asset(cluster)[0])
    assert double.only_run.outcome == "SUCCESS"
    assert "no report of the step arrived" in description
    assert metadata[RUN_LINK] == double.only_run.page


@pytest.mark.parametrize(
    ("program", "changes", "expected"),
    [
        (
            "raise ImportError('no lightgbm here')",
            {},
            "FAILED: Workload failed, see run output for details: ImportError: no lightgbm here",
        ),
        ("import time; time.sleep(60)", {"timeout_seconds": 1}, "TIMEDOUT: Run timed out"),
        ("", {"wheel": "/Volumes/missing.whl"}, "Library installation failed"),
    ],
)
def test_what_databricks_says_of_a_failed_run_is_told(
    settings: dict[str, Any],
    double: DatabricksDouble,
    program: str,
    changes: dict[str, Any],
    expected: str,
) -> None:
    double.program = program or None
    compute = DatabricksSpark(**{**settings, **changes})
    description, metadata = failure_of(run_step_as_asset(compute)[0])
    assert expected in description
    assert metadata[RUN_LINK] == double.only_run.page


LOSE_THE_DRIVER = """
import os, pathlib, signal
lost = pathlib.Path({marks!r})
lost.mkdir(exist_ok=True)
if len(list(lost.iterdir())) < {times}:
    (lost / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_step_whose_driver_is_lost_is_submitted_again(
    cluster: DatabricksSpark, double: DatabricksDouble, tmp_path: Path
) -> None:
    lose = LOSE_THE_DRIVER.format(marks=str(tmp_path / "lost"), times=1)
    double.program = lose + ANSWER.format(answer="{'report': {}}")
    result, _ = run_step_as_asset(cluster)
    assert result.success
    assert [run.outcome for run in double.runs.values()] == ["FAILED", "SUCCESS"]


def test_a_driver_that_is_lost_again_fails_the_asset_and_is_told_from_an_error_of_the_step(
    cluster: DatabricksSpark, double: DatabricksDouble, tmp_path: Path
) -> None:
    double.program = LOSE_THE_DRIVER.format(marks=str(tmp_path / "lost"), times=9)
    description, metadata = failure_of(run_step_as_asset(cluster)[0])
    assert "DRIVER_ERROR: The Spark driver has stopped unexpectedly" in description
    assert len(double.runs) == 2 and metadata[RUN_LINK] == double.runs[1002].page


def test_a_refused_token_is_told_but_not_shown(
    settings: dict[str, Any], double: DatabricksDouble
) -> None:
    wrong = "dapi-a-token-that-was-revoked"
    result, instance = run_step_as_asset(DatabricksSpark(**{**settings, "token": wrong}))
    description, _ = failure_of(result)
    assert "could not be uploaded to Databricks: Forbidden" in description
    assert not double.runs
    assert wrong not in everything_written(instance, result.run_id, double)
