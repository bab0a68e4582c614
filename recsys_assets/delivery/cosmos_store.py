"""Lists in Cosmos DB for NoSQL: a partition per user, a document in it per version.

A read is a point read of one document, the cheapest there is. The store asks writers to wait when
more request units are asked for than are paid for (429): so they do, and tell how often. Documents
of old versions expire; that costs no request units of ours.
"""

import json
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from recsys_assets.delivery.lookup import Document, Pointer, StoreError, Written

_POINTER = "_pointer"
_CHARGE = "x-ms-request-charge"
_ASKS_TO_WAIT = (429, 449, 503)
"""Statuses after which the same request may succeed: too many units, a conflict, unavailable."""
_LOST = (ServiceRequestError, ServiceResponseError)
"""A connection that was not made, or that ended before the answer. The client itself never repeats
a write then; one of ours may be repeated, for it writes the same document."""


class CosmosStore:
    """A container that many write and read at the same time."""

    def __init__(
        self,
        url: str,
        credential: str | TokenCredential,
        *,
        database: str = "recsys",
        container: str = "lists",
        days: int = 30,
        writers: int = 10,
        patience: float = 300.0,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Open the container; it is made where it does not exist and the credential may do so.

        Args:
            url: address of the account.
            credential: its key, or an identity with a role of its data plane.
            database: name of the database.
            container: name of the container.
            days: after which documents expire, the current version's too: publish more often.
            writers: documents that are written at the same time.
            patience: seconds that one document is tried again for.
            options: further arguments of the client, for an emulator.
        """
        self.days, self.writers, self.patience = days, writers, patience

        def opened() -> ContainerProxy:
            # Waiting is counted here, so the client shall not hide it; 0 it takes for "not given".
            client = CosmosClient(
                url, credential, retry_total=0, retry_throttle_total=-1, **(options or {})
            )
            return _open(client, database, container)

        # Whom nothing answers at all is told at once: the address may be misspelt.
        self._container: ContainerProxy = self._patiently(opened, Written(), lost=())

    def pointer(self) -> Pointer | None:
        """The pointer; None before the first publication."""
        found = self._read(_POINTER, _POINTER)
        return Pointer(**json.loads(found)) if found else None

    def point(self, pointer: Pointer) -> None:
        """Move the pointer, at once for all readers."""
        body = {"id": _POINTER, "user": _POINTER, "list": json.dumps(asdict(pointer)), "ttl": -1}
        self._patiently(lambda: self._container.upsert_item(body), Written())

    def write(self, version: str, documents: Iterable[Document]) -> Written:
        """Write documents of a version, many at a time."""
        written = Written()
        with ThreadPoolExecutor(self.writers) as pool:
            running: set[Future[Written]] = set()
            for document in documents:
                running.add(pool.submit(self._write_one, version, document))
                # None waits for a writer: where the store is given up, each would be tried as long.
                if len(running) >= self.writers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    _add(written, done)
            _add(written, running)
        return written

    def read(self, version: str, user: int) -> str | None:
        """The document of a user; None where there is none."""
        return self._read(version, str(user))

    def remove(self, version: str) -> None:
        """Leave it to expiry: deleting would cost as many units as writing did."""

    def _read(self, name: str, partition: str) -> str | None:
        try:
            item = self._patiently(lambda: self._container.read_item(name, partition), Written())
        except CosmosResourceNotFoundError:
            return None
        return str(item["list"])

    def _write_one(self, version: str, document: Document) -> Written:
        user, text = document
        written = Written(1)
        body = {"id": version, "user": str(user), "list": text, "ttl": self.days * 86_400}

        def charge(headers: Any, _: Any = None) -> None:
            written.request_units += float(headers.get(_CHARGE) or 0)

        self._patiently(lambda: self._container.upsert_item(body, response_hook=charge), written)
        return written

    def _patiently(
        self,
        call: Callable[[], Any],
        written: Written,
        lost: tuple[type[Exception], ...] = _LOST,
    ) -> Any:
        """Repeat a call while the store asks to wait or connections end, and patience lasts."""
        deadline = time.monotonic() + self.patience
        attempt = 0
        while True:
            attempt += 1
            try:
                return call()
            except lost:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_pause_before(attempt))
            except CosmosHttpResponseError as error:
                if error.status_code not in _ASKS_TO_WAIT:
                    raise
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"Cosmos DB asked to wait for {self.patience:.0f} s ({error.status_code}): "
                        "raise the container's throughput (`recsys cost azure`) or publish at night"
                    ) from error
                written.retries += 1
                time.sleep(_pause(error, written.retries))


def _pause(error: CosmosHttpResponseError, attempt: int) -> float:
    """Seconds to wait: as the store says; where it does not, longer each time, and never alike."""
    asked = (error.headers or {}).get("x-ms-retry-after-ms")
    if asked:
        return float(asked) / 1000
    return _pause_before(attempt)


def _pause_before(attempt: int) -> float:
    return min(5.0, 0.05 * 2 ** min(attempt, 7)) * random.uniform(0.5, 1.0)


def _add(total: Written, done: Iterable[Future[Written]]) -> None:
    for future in done:
        one = future.result()
        total.documents += one.documents
        total.request_units += one.request_units
        total.retries += one.retries


def _open(client: CosmosClient, database: str, container: str) -> ContainerProxy:
    proxy = client.get_database_client(database).get_container_client(container)
    try:
        proxy.read()
        return proxy
    except CosmosResourceNotFoundError:
        made = client.create_database_if_not_exists(database)
        return made.create_container_if_not_exists(
            container,
            PartitionKey("/user"),
            # Only what is read by is indexed: a point read needs no index, and writes cost less.
            indexing_policy={
                "indexingMode": "consistent",
                "includedPaths": [],
                "excludedPaths": [{"path": "/*"}],
            },
            default_ttl=-1,
        )
