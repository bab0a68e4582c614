"""What no run tells: stale tables, old champions, failing ticks, dead daemons, broken code."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import (
    FreshnessState,
    FreshnessStateChange,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from recsys_assets.automation import health
from recsys_assets.automation.catalogue import Catalogue
from recsys_assets.automation.health import look_at_daemons, look_at_location
from recsys_assets.automation.monitors import build_monitors, find_old_champions
from recsys_assets.automation.ticks import look_at_ticks
from recsys_assets.home import Home
from recsys_assets.resources.alerts import Notifier, WebhookChannel
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.resources.alert_servers import Posts

NO_FOLDER = SerializableErrorInfo("ValueError: no such folder\n", [], "ValueError")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOP_K = dg.AssetKey("top_k")
CATALOGUE = Catalogue({"top_k": ("team:recsys",), "als_model": ("team:ml",)})


@pytest.fixture
def notifier(posts: Posts, tmp_path: Path) -> Notifier:
    return Notifier(
        webhook=WebhookChannel(url=posts.url),
        ledger_path=str(tmp_path / "alerts.sqlite"),
        runbook_url="https://book.example.org",
    )


def look(name: str, instance: dg.DagsterInstance, notifier: Notifier, home: Home) -> Any:
    monitors = build_monitors(dg.DefaultSensorStatus.STOPPED, CATALOGUE, [TOP_K], 30)
    sensor = next(found for found in monitors if found.name == name)
    resources = {"notifier": notifier, "storage": Storage(home=str(home.root))}
    resources = {k: v for k, v in resources.items() if k in sensor.required_resource_keys}
    return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, resources=resources))


def becomes(instance: dg.DagsterInstance, state: FreshnessState) -> None:
    change = FreshnessStateChange(
        key=TOP_K,
        new_state=state,
        previous_state=FreshnessState.UNKNOWN,
        state_change_timestamp=time.time(),
    )
    instance._report_runless_asset_event(change)


def test_a_stale_table_is_told_once_and_so_is_its_recovery(
    instance: dg.DagsterInstance, notifier: Notifier, posts: Posts, home: Home
) -> None:
    becomes(instance, FreshnessState.FAIL)
    for _ in range(3):
        look("alert_on_stale_asset", instance, notifier, home)
    (told,) = posts.bodies
    assert told["title"] == "top_k is out of date"
    assert told["owners"] == ["team:recsys"]
    assert told["links"]["runbook"] == "https://book.example.org#asset-stale"
    assert told["facts"]["still served"] == "no top_k yet; no popular_movies yet"
    time.sleep(0.01)
    becomes(instance, FreshnessState.PASS)
    for _ in range(2):
        look("alert_on_stale_asset", instance, notifier, home)
    assert [body["title"] for body in posts.bodies][1:] == ["Recovered: top_k is out of date"]


def test_a_warning_of_freshness_tells_nobody(
    instance: dg.DagsterInstance, notifier: Notifier, posts: Posts, home: Home
) -> None:
    becomes(instance, FreshnessState.WARN)
    look("alert_on_stale_asset", instance, notifier, home)
    assert posts.bodies == []


def test_a_champion_is_told_of_each_time_the_limit_passes_again() -> None:
    def keys(age: int) -> list[str]:
        champions = {"als_model": (3, NOW - timedelta(days=age))}
        found = find_old_champions(champions, NOW, 30, CATALOGUE)
        assert list(found.works) == ([] if found.alerts else ["champion:als_model"])
        return [alert.event_key for alert in found.alerts]

    assert keys(29) == keys(30) == []
    assert keys(31) == keys(59) == ["champion:als_model:3:1"]
    assert keys(60) == ["champion:als_model:3:2"]


def test_an_old_champion_is_said_to_be_trained_not_to_serve_since() -> None:
    # One that was given its place back this morning does not serve since it was trained.
    champions = {"als_model": (3, NOW - timedelta(days=40))}
    [alert] = find_old_champions(champions, NOW, 30, CATALOGUE).alerts
    assert "Version 3 of als_model, the one in use, was trained on 2026-01-20" in alert.what
    assert "since" not in alert.what and "replaced" not in alert.what


def test_a_registry_without_models_has_no_champions(home: Home) -> None:
    assert home.registry.champions() == {}


def failed_tick(
    instance: dg.DagsterInstance,
    name: str,
    status: TickStatus,
    switched: InstigatorStatus = InstigatorStatus.RUNNING,
    error: SerializableErrorInfo = NO_FOLDER,
    seconds_ago: float = 0.0,
) -> None:
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(module_name="m"), location_name="l"
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "r"), name)
    state = InstigatorState(origin, InstigatorType.SENSOR, switched, SensorInstigatorData())
    if not instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
        instance.add_instigator_state(state)
    instance.create_tick(
        TickData(
            state.instigator_origin_id,
            name,
            InstigatorType.SENSOR,
            status,
            time.time() - seconds_ago,
            error=error if status is TickStatus.FAILURE else None,
            selector_id=state.selector_id,
        )
    )


def test_a_sensor_that_fails_is_told_by_another(
    instance: dg.DagsterInstance, notifier: Notifier, posts: Posts, home: Home
) -> None:
    failed_tick(instance, "ingest_landed_drops", TickStatus.FAILURE)
    for _ in range(2):
        look("alert_on_failing_automation", instance, notifier, home)
    assert [body["title"] for body in posts.bodies] == ["ingest_landed_drops fails"]
    assert posts.bodies[0]["cause"] == "ValueError: no such folder"
    for _ in range(9):
        failed_tick(instance, "ingest_landed_drops", TickStatus.FAILURE)
        look("alert_on_failing_automation", instance, notifier, home)
    assert len(posts.bodies) == 3, "every tick that fails is a repeat: told thrice, then counted"
    failed_tick(instance, "ingest_landed_drops", TickStatus.SKIPPED)
    look("alert_on_failing_automation", instance, notifier, home)
    assert posts.bodies[-1]["title"] == "Recovered: ingest_landed_drops fails"


def test_its_own_failed_tick_is_left_to_the_look_from_outside(
    instance: dg.DagsterInstance,
) -> None:
    failed_tick(instance, "alert_on_failing_automation", TickStatus.FAILURE)
    assert len(look_at_ticks(instance).alerts) == 1
    assert look_at_ticks(instance, besides="alert_on_failing_automation").alerts == []


def test_what_somebody_switched_off_is_not_failing(instance: dg.DagsterInstance) -> None:
    failed_tick(instance, "ingest_landed_drops", TickStatus.FAILURE, InstigatorStatus.STOPPED)
    found = look_at_ticks(instance)
    assert found.alerts == [] and found.works == {}


def test_a_sensor_that_failed_and_is_switched_off_is_no_trouble_any_more(
    instance: dg.DagsterInstance, notifier: Notifier, posts: Posts, home: Home
) -> None:
    failed_tick(instance, "ingest_landed_drops", TickStatus.FAILURE)
    look("alert_on_failing_automation", instance, notifier, home)
    (state,) = instance.all_instigator_state()
    instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    for _ in range(2):
        look("alert_on_failing_automation", instance, notifier, home)
    assert [body["resolved"] for body in posts.bodies] == [False, True]
    assert "is switched off or removed" in posts.bodies[1]["what"]


def test_a_sensor_that_a_release_removed_while_it_failed_is_no_trouble_any_more(
    instance: dg.DagsterInstance, notifier: Notifier, posts: Posts, home: Home
) -> None:
    failed_tick(instance, "removed_sensor", TickStatus.FAILURE, seconds_ago=3000)
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED, seconds_ago=3000)
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED)
    look("alert_on_failing_automation", instance, notifier, home)
    assert len(posts.bodies) == 1, "after a standstill it may be the last to tick again"
    failed_tick(instance, "redeliver_alerts", TickStatus.SKIPPED, seconds_ago=1500)
    for _ in range(2):
        look("alert_on_failing_automation", instance, notifier, home)
    assert [body["resolved"] for body in posts.bodies] == [False, True]
    assert look_at_ticks(instance).alerts == []


def test_a_daemon_that_is_silent_is_dead(instance: dg.DagsterInstance) -> None:
    found = look_at_daemons(instance, NOW)
    assert {alert.kind for alert in found.alerts} == {"daemon-dead"}
    assert "daemon:SENSOR" in {s for alert in found.alerts for s in alert.subjects}
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id", []))
    assert "daemon:SENSOR" in look_at_daemons(instance, NOW).works


def test_a_daemon_is_dead_when_it_said_nothing_for_ten_minutes(
    instance: dg.DagsterInstance,
) -> None:
    now = datetime.now(UTC)
    for minutes, dead in ((9, False), (11, True)):
        beat = now.timestamp() - minutes * 60
        instance.add_daemon_heartbeat(DaemonHeartbeat(beat, "SENSOR", "id", []))
        found = look_at_daemons(instance, now)
        assert ("daemon:SENSOR" in {s for a in found.alerts for s in a.subjects}) is dead
        assert ("daemon:SENSOR" in found.works) is not dead


def test_daemons_that_fell_silent_together_are_one_trouble(instance: dg.DagsterInstance) -> None:
    names = list(instance.get_daemon_statuses())
    for place, name in enumerate(names):
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 5 * place, name, "id", []))
    looks = [
        look_at_daemons(instance, datetime.now(UTC) + timedelta(minutes=10, seconds=passed))
        for passed in (-40, -5, 60)
    ]
    assert [len(found.alerts) for found in looks] == [0, 1, 1]
    told, again = looks[1].alerts[0], looks[2].alerts[0]
    assert set(told.subjects) == {f"daemon:{name}" for name in names}
    assert (told.event_key, told.subjects) == (again.event_key, again.subjects)


def test_a_code_location_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LOAD", "import no_such_module")
    (alert,) = look_at_location(NOW).alerts
    assert alert.cause == "ModuleNotFoundError: No module named 'no_such_module'"
    assert alert.kind == "location-broken"
    monkeypatch.setattr(health, "_LOAD", "pass")
    works = look_at_location(NOW)
    assert works.alerts == [] and list(works.works) == ["location:recsys_assets"]
