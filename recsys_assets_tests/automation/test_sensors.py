"""Alert sensors from end to end: real runs, ticks evaluated by Dagster, alerts as they arrive."""

from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from recsys_assets.automation.causes import plain_error
from recsys_assets.automation.run_story import metadata_texts
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.resources.alerts import Notifier, Route, Severity
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.automation.platform import (
    CATALOGUE,
    Platform,
    make_notifier,
    subjects,
)
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Mailbox,
    Posts,
)


def test_owners_are_told_of_their_own_assets(
    platform: Platform, mailbox: Mailbox, posts: Posts, tmp_path: Path
) -> None:
    routes = [
        Route(owners=["team:data"], channels=["email"], recipients=["data@x.org"]),
        Route(owners=["team:models"], channels=["email"], recipients=["ml@x.org"]),
        Route(at_least=Severity.ERROR, channels=["webhook"]),
    ]
    platform.notifier = make_notifier(mailbox, posts, tmp_path, routes=routes)
    platform.run(error="value")
    platform.run(failing_checks=["no_late_files"], severity="WARN")
    assert platform.tick_all() == []
    told = [
        (e.rcpt_tos[0], str(m["Subject"]))
        for e, m in zip(mailbox.envelopes, mailbox.mails, strict=True)
    ]
    assert told == [
        ("ml@x.org", "[error] model failed in daily"),
        ("data@x.org", "[warning] validated/ratings: no_late_files failed in daily"),
        ("ml@x.org", "[recovered] model failed in daily"),
    ]
    assert [post["title"] for post in posts.bodies] == [
        "model failed in daily",
        "Recovered: model failed in daily",
    ]


def test_a_failed_delivery_fails_the_tick_and_is_made_up_for(
    platform: Platform, mailbox: Mailbox, posts: Posts
) -> None:
    posts.status = 500
    platform.run(error="value")
    (error,) = platform.tick_all()
    assert "AlertDeliveryError" in error
    assert f"webhook: {HOST} answered 500" in error
    # Dagster does not show the run to the sensor again: without the ledger it would be lost.
    assert platform.tick_all() == []
    assert posts.bodies == []
    with pytest.raises(Exception, match="answered 500"):
        platform.tick("redeliver_alerts")
    posts.status = 200
    tick = platform.tick("redeliver_alerts")
    assert tick.skip_message == "delivered: [error] model failed in daily"
    assert platform.tick("redeliver_alerts").skip_message == "nothing waits"
    assert (len(mailbox.mails), len(posts.bodies)) == (1, 1)


def test_silent_and_told_runs_mix_in_one_tick(platform: Platform, mailbox: Mailbox) -> None:
    first = platform.run(error="value")
    platform.retry_of(first, error="value")
    platform.run(error="failure")
    platform.run(failing_checks=["no_late_files"])
    platform.run()
    assert platform.tick_all() == []
    assert sorted(subjects(mailbox)) == [
        "[error] model failed in daily",
        "[error] model failed in daily",
        "[error] validated/ratings: no_late_files failed in daily",
        "[recovered] model failed in daily",
        "[recovered] validated/ratings: no_late_files failed in daily",
    ]


@pytest.mark.parametrize("status", list(dg.DefaultSensorStatus))
def test_the_caller_decides_whether_they_run(status: dg.DefaultSensorStatus) -> None:
    sensors = build_alert_sensors(status, CATALOGUE)
    assert [sensor.name for sensor in sensors] == [
        "alert_on_run_failure",
        "alert_on_failed_check",
        "alert_on_canceled_run",
        "redeliver_alerts",
    ]
    assert {sensor.default_status for sensor in sensors} == {status}
    dg.Definitions.validate_loadable(
        dg.Definitions(
            sensors=sensors, resources={"notifier": Notifier(), "storage": Storage(home="x")}
        )
    )


def test_only_the_wrapping_of_dagster_is_taken_off_an_error() -> None:
    root = SerializableErrorInfo("OSError: disk\n", [], "OSError")
    user = SerializableErrorInfo("ValueError: 7\n", [], "ValueError", cause=root)
    io = SerializableErrorInfo("...", [], "DagsterExecutionHandleOutputError", cause=user)
    step = SerializableErrorInfo("...", [], "DagsterExecutionStepExecutionError", cause=io)
    assert plain_error(step) == "ValueError: 7"


def test_metadata_is_shown_where_it_fits_a_line() -> None:
    table = dg.MetadataValue.table([dg.TableRecord({"a": 1})])
    metadata = {
        "rows": dg.MetadataValue.int(3),
        "files": dg.MetadataValue.json({"a.csv": 2}),
        "note": dg.MetadataValue.md("\n# head\nbody"),
        "long": dg.MetadataValue.text("x" * 500),
        "table": table,
    }
    texts = metadata_texts(metadata)
    assert texts == {
        "rows": "3",
        "files": '{"a.csv": 2}',
        "note": "# head",
        "long": "x" * 119 + "…",
    }
