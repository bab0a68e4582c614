"""Only what may pass is retried, later each time."""

import smtplib
import sqlite3

import dagster as dg
import psycopg
import pytest

from recsys_assets.assets import transient
from recsys_assets.assets.delivery import digests
from recsys_assets.assets.publications import lookup_lists, warehouse_lists
from recsys_assets.assets.serving import serving_bundle
from recsys_assets.assets.transient import RETRY_TAG, is_transient
from recsys_assets.automation.causes import kind_of_error
from recsys_assets.delivery.warehouse import DuckDbWarehouse
from recsys_assets.delivery.warehouse_tables import WarehouseError
from recsys_assets.home import Home
from recsys_assets.lake.tables import Lake
from recsys_assets.resources.delivery import Delivery
from recsys_assets.resources.digests import Digests
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.servers.analyst import opened_by_an_analyst


def caused_by(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("the step failed") from cause
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionRefusedError(111, "Connection refused"), True),
        (TimeoutError("timed out"), True),
        (sqlite3.OperationalError("database is locked"), True),
        (OSError("Generic S3 error: 503 Service Unavailable"), True),
        # What a server says that is restarted, or hands over to another.
        (psycopg.errors.AdminShutdown("terminating connection due to administrator command"), True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), True),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), True),
        (smtplib.SMTPConnectError(421, b"4.3.2 Service not available"), True),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 Authentication failed"), False),
        (ValueError("7 files are unreadable"), False),
        (OSError(28, "No space left on device"), False),
        (KeyError("user"), False),
        (MemoryError(), False),
    ],
)
def test_faults_that_may_pass_are_told_from_those_that_come_again(
    error: Exception, passes: bool
) -> None:
    assert is_transient(error) == passes
    assert is_transient(caused_by(error)) == passes


def test_a_warehouse_that_an_analyst_has_open_is_tried_again(home: Home) -> None:
    DuckDbWarehouse(home.warehouse).close()
    with opened_by_an_analyst(home.warehouse), pytest.raises(WarehouseError) as refused:
        DuckDbWarehouse(home.warehouse)
    assert is_transient(refused.value)
    assert kind_of_error(f"WarehouseError: {refused.value}") == "database-locked"


class Context:
    """What the wait looks at."""

    class log:
        info = staticmethod(lambda text: None)

    def __init__(self, run_id: str, retry: str | None) -> None:
        self.run_id = run_id
        tags = {"dagster/retry_number": retry} if retry else {}
        self.run = type("Run", (), {"tags": tags})


def test_a_retry_waits_once_and_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(transient.time, "sleep", waits.append)
    for run_id, retry in (("a", None), ("b", "1"), ("b", "1"), ("c", "2"), ("d", "9")):
        transient.wait_before_retry(Context(run_id, retry))  # type: ignore[arg-type]
    assert waits == [30.0, 60.0, 600.0]


@pytest.mark.parametrize("asset", [digests, lookup_lists, warehouse_lists, serving_bundle])
@pytest.mark.parametrize(
    ("error", "again"),
    [(ConnectionResetError(104, "Connection reset by peer"), "true"), (KeyError("user"), None)],
)
def test_a_delivery_that_a_server_broke_off_is_retried(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    asset: dg.AssetsDefinition,
    error: Exception,
    again: str | None,
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(Lake, "open", refused)
    resources = {
        "storage": Storage(home=str(home.root)),
        "delivery": Delivery(home=str(home.root)),
        "mailer": Digests(home=str(home.root)),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([asset], instance=instance, resources=resources, raise_on_error=False)
        assert not run.success
        assert instance.get_run_by_id(run.run_id).tags.get(RETRY_TAG) == again  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("error", "again"),
    [(ConnectionResetError(104, "Connection reset by peer"), "true"), (KeyError("user"), "false")],
)
def test_a_retry_is_retried_for_its_own_faults_only(
    home: Home, monkeypatch: pytest.MonkeyPatch, error: Exception, again: str
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(Lake, "open", refused)
    resources = {"storage": Storage(home=str(home.root)), "delivery": Delivery(home=str(home.root))}
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize(
            [lookup_lists],
            instance=instance,
            resources=resources,
            tags={RETRY_TAG: "true"},
            raise_on_error=False,
        )
        assert not run.success
        assert instance.get_run_by_id(run.run_id).tags[RETRY_TAG] == again  # type: ignore[union-attr]
