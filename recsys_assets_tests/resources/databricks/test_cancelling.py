"""Runs that are interrupted: they end here as failed and there as cancelled."""

import os
import signal
import time
from collections.abc import Callable
from threading import Thread, current_thread, main_thread
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from recsys_assets.resources.azure import workspace
from recsys_assets.resources.databricks import RUN_LINK, DatabricksSpark
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
    ApiError,
    DatabricksDouble,
)
from recsys_assets_tests.resources.databricks.runs import (
    BEAT,
    failure_of,
    run_step_as_asset,
)


def when(ready: Callable[[], bool], act: Callable[[], None]) -> None:
    """Do something beside the test, once it is so far."""

    def wait() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if ready():
                return act()
            time.sleep(0.05)

    Thread(target=wait, daemon=True).start()


def interrupt() -> None:
    """Interrupt this process, as a deployment or a cancelled run does."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def endless(settings: dict[str, Any], double: DatabricksDouble) -> DatabricksSpark:
    """A run that ends only because somebody ends it, in a process of a process."""
    double.program = BEAT
    return DatabricksSpark(**{**settings, "timeout_seconds": 30})


def assert_stands_still(double: DatabricksDouble) -> None:
    beat = double.root / "clusters" / "1001" / "beat"
    before = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == before


def test_an_interrupted_run_is_cancelled_and_fails(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    when((double.root / "clusters" / "1001" / "beat").exists, interrupt)
    result, _ = run_step_as_asset(endless)
    assert not result.success
    assert not result.get_asset_materialization_events()
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.error is not None
    assert event.step_failure_data.error.cls_name == "DagsterExecutionInterruptedError"
    assert double.only_run.outcome == "CANCELED"
    assert_stands_still(double)


def test_a_run_is_cancelled_even_if_its_number_never_arrived(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    double.submit_seconds = 20
    when((double.root / "clusters" / "1001" / "beat").exists, interrupt)
    result, _ = run_step_as_asset(endless)
    assert not result.success
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)


def test_a_run_that_cannot_be_followed_any_more_is_cancelled(
    endless: DatabricksSpark, double: DatabricksDouble
) -> None:
    beat = double.root / "clusters" / "1001" / "beat"
    when(beat.exists, lambda: double.refusals.append(500))
    description, metadata = failure_of(run_step_as_asset(endless)[0])
    assert "cancelled, because its state could not be asked for: try again later" in description
    assert metadata[RUN_LINK] == double.only_run.page
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)


def test_an_interrupted_run_is_cancelled_though_the_first_try_to_do_so_fails(
    endless: DatabricksSpark, double: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel, tries = double.cancel, []

    def fail_once(number: int) -> dict[str, Any]:
        tries.append(number)
        if len(tries) == 1:
            raise ApiError(500, "INTERNAL_ERROR", "something broke")
        return cancel(number)

    monkeypatch.setattr(double, "cancel", fail_once)
    when((double.root / "clusters" / "1001" / "beat").exists, interrupt)
    assert not run_step_as_asset(endless)[0].success
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)


def test_a_run_that_cannot_be_followed_nor_cancelled_is_named(
    endless: DatabricksSpark, double: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(number: int) -> Any:
        raise ApiError(500, "INTERNAL_ERROR", "something broke")

    beat = double.root / "clusters" / "1001" / "beat"
    when(beat.exists, lambda: monkeypatch.setattr(double, "run", away))
    description, metadata = failure_of(run_step_as_asset(endless)[0])
    assert "cancel run 1001 on Databricks by hand" in description
    assert "could not be asked for: something broke" in description
    assert metadata[RUN_LINK] == double.only_run.page


class Identity:
    """An identity of Azure that once gets no token, where the run is followed."""

    failing = False

    def get_token(self, scope: str) -> AccessToken:
        if self.failing and current_thread() is main_thread():
            self.failing = False
            raise ClientAuthenticationError("the identity's service is away")
        return AccessToken(TOKEN, 0)


def test_a_run_is_cancelled_if_this_process_gets_no_token_to_follow_it(
    settings: dict[str, Any], double: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Identity()
    monkeypatch.setattr(workspace, "credential", lambda: identity)
    double.program = BEAT
    compute = DatabricksSpark(**{**settings, "token": "", "timeout_seconds": 30})
    beat = double.root / "clusters" / "1001" / "beat"
    when(beat.exists, lambda: setattr(identity, "failing", True))
    description, metadata = failure_of(run_step_as_asset(compute)[0])
    assert "this process gets no token for Databricks: the identity's service" in description
    assert metadata[RUN_LINK] == double.only_run.page
    assert double.only_run.cancelled.is_set()
    assert_stands_still(double)
