"""Lists in Azure Tables, or Cosmos DB's table interface: cheap, and slower than documents.

A transaction holds up to a hundred rows of one partition, so users are dealt out to partitions by
their number: a publication is one request per hundred users.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, TableServiceClient

from recsys_assets.delivery.lookup import Document, Pointer, Written

PARTITIONS = 64
_BATCH = 100
_POINTER = "_pointer"


class TablesStore:
    """A table that many write and read at the same time."""

    def __init__(self, service: TableServiceClient, table: str = "lists") -> None:
        self._table: TableClient = service.get_table_client(table)
        with contextlib.suppress(ResourceExistsError):
            self._table.create_table()

    def pointer(self) -> Pointer | None:
        """The pointer; None before the first publication."""
        found = self._read(_POINTER, _POINTER)
        return Pointer(**json.loads(found)) if found else None

    def point(self, pointer: Pointer) -> None:
        """Move the pointer, at once for all readers."""
        self._table.upsert_entity(_entity(_POINTER, _POINTER, json.dumps(asdict(pointer))))

    def write(self, version: str, documents: Iterable[Document]) -> Written:
        """Write documents of a version, a hundred in one transaction."""
        entities = (_entity(_partition(version, user), str(user), text) for user, text in documents)
        return Written(self._submit(entities, "upsert"))

    def read(self, version: str, user: int) -> str | None:
        """The document of a user; None where there is none."""
        return self._read(_partition(version, user), str(user))

    def remove(self, version: str) -> None:
        """Remove a version, a hundred rows in one transaction."""
        entities = self._table.query_entities(
            "PartitionKey ge @first and PartitionKey lt @end",
            parameters={"first": f"{version}-", "end": f"{version}."},  # "." comes after "-"
            select=["PartitionKey", "RowKey"],
        )
        self._submit(entities, "delete")

    def _submit(self, entities: Iterable[Mapping[str, Any]], operation: str) -> int:
        """Write or remove rows in transactions, each of one partition; how many there were."""
        waiting: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
        count = 0
        for entity in entities:
            count += 1
            partition = entity["PartitionKey"]
            waiting[partition].append((operation, entity))
            if len(waiting[partition]) == _BATCH:
                self._table.submit_transaction(waiting.pop(partition))
        for rest in waiting.values():
            self._table.submit_transaction(rest)
        return count

    def _read(self, partition: str, row: str) -> str | None:
        try:
            return str(self._table.get_entity(partition, row)["list"])
        except ResourceNotFoundError:
            return None


def _partition(version: str, user: int) -> str:
    return f"{version}-{user % PARTITIONS:02d}"


def _entity(partition: str, row: str, text: str) -> dict[str, str]:
    return {"PartitionKey": partition, "RowKey": row, "list": text}
