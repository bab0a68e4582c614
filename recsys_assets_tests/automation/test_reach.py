"""A daemon that lives without a code location is told once, not by every sensor, nor never."""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus
from dagster_shared.error import SerializableErrorInfo

from recsys_assets.automation.reach import SUBJECT, look_at_reach
from recsys_assets.automation.ticks import look_at_ticks
from recsys_assets_tests.automation.test_monitors import failed_tick

UNREACHABLE = SerializableErrorInfo(
    "DagsterUserCodeUnreachableError: Unable to reach the user code server\n",
    [],
    "DagsterUserCodeUnreachableError",
    SerializableErrorInfo("<_InactiveRpcError of RPC that\n\tterminated", [], "_InactiveRpcError"),
)


def later(minutes: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def test_a_code_server_that_died_is_one_trouble_in_words(instance: dg.DagsterInstance) -> None:
    for sensor in ("ingest_landed_drops", "redeliver_alerts"):
        failed_tick(instance, sensor, TickStatus.FAILURE, error=UNREACHABLE)
    assert look_at_ticks(instance).alerts == []
    (alert,) = look_at_reach(instance, later(0)).alerts
    assert alert.subjects == (SUBJECT,) and alert.kind == "location-broken"
    assert alert.cause.startswith("The code server cannot be reached") and "Rpc" not in alert.cause
    time.sleep(0.01)
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED)
    found = look_at_reach(instance, later(0))
    assert found.alerts == [] and SUBJECT in found.works


def test_definitions_that_the_daemon_never_loaded_are_told(
    instance: dg.DagsterInstance,
) -> None:
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED)
    assert look_at_reach(instance, later(10)).alerts == []
    (alert,) = look_at_reach(instance, later(12)).alerts
    assert alert.subjects == (SUBJECT,)


def test_a_clock_that_was_set_back_is_told_for_nothing_ticks_until_it_has_caught_up(
    instance: dg.DagsterInstance,
) -> None:
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED)
    assert look_at_reach(instance, later(-10)).alerts == []
    found = look_at_reach(instance, later(-120))
    (alert,) = found.alerts
    assert "clock was set back" in alert.cause and found.works == {}
    assert SUBJECT in look_at_reach(instance, later(0)).works


def test_where_no_sensor_is_switched_on_nothing_is_said(instance: dg.DagsterInstance) -> None:
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED, InstigatorStatus.STOPPED)
    found = look_at_reach(instance, later(12))
    assert found.alerts == [] and found.works == {}
