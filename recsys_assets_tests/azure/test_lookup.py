"""Lists in every store: versions, swaps, repeats, ways back, and what a reader sees meanwhile."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.data.tables import TableServiceClient

from recsys_assets.delivery.cosmos_store import CosmosStore
from recsys_assets.delivery.lookup import (
    Document,
    LookupStore,
    Pointer,
    StoreError,
    documents_of,
    look_up,
    publish,
    roll_back,
)
from recsys_assets.delivery.sqlite_store import SqliteStore
from recsys_assets.delivery.tables_store import TablesStore
from recsys_assets_tests.servers.azurite import Azurite
from recsys_assets_tests.servers.cosmos import KEY, Gate

USERS = 100


def open_cosmos(cosmos: Gate, patience: float = 5) -> CosmosStore:
    options: dict[str, Any] = {"enable_endpoint_discovery": False, "connection_verify": False}
    name = uuid.uuid4().hex
    return CosmosStore(cosmos.url, KEY, database=name, options=options, patience=patience)


@pytest.fixture
def cosmos_store(cosmos: Gate) -> CosmosStore:
    return open_cosmos(cosmos)


@pytest.fixture(params=["sqlite", "cosmos", "tables"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LookupStore:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "lookup.sqlite")
    if request.param == "cosmos":
        found: CosmosStore = request.getfixturevalue("cosmos_store")
        return found
    azurite: Azurite = request.getfixturevalue("azurite")
    service = TableServiceClient.from_connection_string(azurite.connection)
    return TablesStore(service, f"lists{uuid.uuid4().hex[:8]}")


def documents(version: str, users: int = USERS) -> list[Document]:
    return [(user, json.dumps([{"version": version, "item": user}])) for user in range(users)]


def test_a_publication_is_read_whole_and_repeating_it_changes_nothing(store: LookupStore) -> None:
    assert look_up(store, 1) is None
    first = publish(store, "v1", documents("v1"))
    assert first.moved and first.written.documents == USERS
    assert look_up(store, 7) == ("v1", [{"version": "v1", "item": 7}])
    assert look_up(store, USERS + 1) is None
    pointer = store.pointer()
    again = publish(store, "v1", documents("v1"))
    assert not again.moved and store.pointer() == pointer


def test_the_way_back_and_forth(store: LookupStore) -> None:
    publish(store, "v1", documents("v1"))
    with pytest.raises(StoreError, match="no version before"):
        roll_back(store)
    publish(store, "v2", documents("v2"))
    assert roll_back(store).current == "v1"
    assert look_up(store, 3) == ("v1", [{"version": "v1", "item": 3}])
    assert roll_back(store).current == "v2"
    publish(store, "v3", documents("v3"))
    assert store.pointer() == Pointer("v3", "v2", USERS, store.pointer().moved)  # type: ignore[union-attr]


def test_a_publication_that_died_is_seen_by_nobody_and_repeated(store: LookupStore) -> None:
    publish(store, "v1", documents("v1"))

    def half() -> Iterator[Document]:
        yield from documents("v2")[: USERS // 2]
        raise ConnectionError("the process died")

    with pytest.raises(ConnectionError):
        publish(store, "v2", half())
    assert {look_up(store, user)[0] for user in range(20)} == {"v1"}  # type: ignore[index]
    with pytest.raises(StoreError, match="holds no list"):
        publish(store, "v3", [])
    assert publish(store, "v2", documents("v2")).moved
    assert look_up(store, USERS - 1) == ("v2", [{"version": "v2", "item": USERS - 1}])


def test_a_reader_never_sees_a_mixed_version(store: LookupStore) -> None:
    """Ten publications under a reader: every answer is whole, and versions only go up."""
    publish(store, "v00", documents("v00", 40))
    stop, seen, faults = Event(), [], []

    def read() -> None:
        user = 0
        while not stop.is_set():
            answer = look_up(store, user := (user + 7) % 40)
            if answer is None or answer[1] != [{"version": answer[0], "item": user}]:
                faults.append(answer)
            else:
                seen.append(answer[0])

    reader = Thread(target=read)
    reader.start()
    for number in range(1, 11):
        publish(store, f"v{number:02d}", documents(f"v{number:02d}", 40))
    stop.set()
    reader.join()
    assert not faults and seen == sorted(seen) and len(set(seen)) > 1


def test_old_versions_go_where_the_store_does_not_expire_them(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "lookup.sqlite")
    for version in ("v1", "v2", "v3"):
        publish(store, version, documents(version))
    assert store.read("v1", 1) is None and store.read("v2", 1) is not None


def test_cosmos_is_waited_for_and_its_charge_is_told(
    cosmos: Gate, cosmos_store: CosmosStore
) -> None:
    cosmos.refuse_every = 3
    before = cosmos.refused
    publication = publish(cosmos_store, "v1", documents("v1"))
    refused = cosmos.refused - before
    assert publication.written.documents == USERS and refused > USERS / 3
    assert publication.written.retries == pytest.approx(refused, abs=2)  # the pointer's own
    assert publication.written.request_units == pytest.approx(6.29 * USERS)
    cosmos.refuse_every = 0
    cosmos.unavailable = 2
    assert look_up(cosmos_store, 1) is not None


def test_cosmos_is_waited_for_from_the_first_request_on(cosmos: Gate) -> None:
    cosmos.unavailable = 5  # more than the client itself repeats a request
    store = open_cosmos(cosmos)
    assert cosmos.unavailable == 0 and store.pointer() is None


def test_cosmos_that_cannot_be_opened_is_given_up(cosmos: Gate) -> None:
    cosmos.unavailable = 1_000_000
    with pytest.raises(StoreError, match=r"asked to wait for 0 s \(503\)"):
        open_cosmos(cosmos, patience=0.2)


def test_an_address_without_cosmos_is_told_at_once() -> None:
    with pytest.raises(ServiceRequestError):
        open_cosmos(Gate("http://127.0.0.1:9"))


def test_cosmos_that_asks_to_wait_for_ever_is_given_up_and_readers_keep_theirs(
    cosmos: Gate, cosmos_store: CosmosStore
) -> None:
    publish(cosmos_store, "v1", documents("v1"))
    cosmos.refuse_every, cosmos_store.patience = 1, 2.0
    started = perf_counter()
    with pytest.raises(StoreError, match="raise the container's throughput"):
        publish(cosmos_store, "v2", documents("v2"))
    assert perf_counter() - started < 2 * cosmos_store.patience  # once, not for each in the queue
    cosmos.refuse_every = 0
    assert look_up(cosmos_store, 1) == ("v1", [{"version": "v1", "item": 1}])


def test_a_publication_outlives_connections_that_get_lost(
    cosmos: Gate, cosmos_store: CosmosStore
) -> None:
    cosmos.dropped = 3
    assert publish(cosmos_store, "v1", documents("v1")).written.documents == USERS
    assert cosmos.dropped == 0 and look_up(cosmos_store, USERS - 1) is not None


def test_a_store_that_answers_no_more_is_given_up(cosmos: Gate, cosmos_store: CosmosStore) -> None:
    cosmos.dropped, cosmos_store.patience = 1_000_000, 0.2
    with pytest.raises(ServiceResponseError):
        publish(cosmos_store, "v1", documents("v1"))


def test_documents_hold_the_list_in_order_with_titles() -> None:
    lists = pl.DataFrame(
        {
            "user": [2, 1, 1],
            "rank": [1, 2, 1],
            "item": [5, 6, 7],
            "score": [0.5, 0.25, 0.75],
            "reason": ["because"] * 3,
            "model_version": [3] * 3,
        }
    )
    titles = pl.DataFrame({"item": [5, 7], "title": ["Five é", "Seven"]})
    found = {user: json.loads(text) for user, text in documents_of(lists, titles)}
    assert [entry["title"] for entry in found[1]] == ["Seven", None]
    assert found[2] == [
        {
            "rank": 1,
            "item": 5,
            "title": "Five é",
            "score": 0.5,
            "reason": "because",
            "model_version": 3,
        }
    ]


def test_rates_and_latencies(
    store: LookupStore, request: pytest.FixtureRequest, record_property: Callable[..., None]
) -> None:
    """What these servers on this machine do, not what Azure does."""
    started = perf_counter()
    publish(store, "v1", documents("v1", 500))
    rate = 500 / (perf_counter() - started)
    times = []
    for user in range(200):
        started = perf_counter()
        assert look_up(store, user) is not None
        times.append((perf_counter() - started) * 1000)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    name = request.node.callspec.params["store"]
    latency = f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms"
    record_property("figure", f"{name}: {rate:,.0f} lists/s written; looked up in {latency}")
    assert rate > 5
