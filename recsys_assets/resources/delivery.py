"""Where published tables go: a lookup store for services, a warehouse for SQL."""

from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field

from recsys_assets.delivery.lookup import LookupStore
from recsys_assets.delivery.sqlite_store import SqliteStore
from recsys_assets.delivery.warehouse import DuckDbWarehouse, PostgresWarehouse, Warehouse
from recsys_assets.home import Home
from recsys_assets.resources.azure.secrets import reveal


class Delivery(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the stores of this deployment; files in the home where none is configured."""

    home: str = Field(description="Folder of all state.")
    lookup: Literal["sqlite", "cosmos", "tables"] = Field(
        default="sqlite", description="What keeps lists by user."
    )
    lookup_url: str = Field(default="", description="Address of Cosmos DB or of Azure Tables.")
    lookup_key: str = Field(
        default="", repr=False, description="Its key; without one this process's identity serves."
    )
    warehouse_url: str = Field(
        default="", repr=False, description="postgresql://…; a DuckDB file in the home if empty."
    )

    def lookup_store(self) -> LookupStore:
        """The store of lists by user."""
        if self.lookup == "sqlite":
            return SqliteStore(Home(root=Path(self.home)).lookup)
        from recsys_assets.resources.azure.identity import credential, is_loopback

        key = reveal(self.lookup_key)
        if self.lookup == "tables":
            from azure.data.tables import TableServiceClient

            from recsys_assets.delivery.tables_store import TablesStore

            if key:
                return TablesStore(TableServiceClient.from_connection_string(key))
            return TablesStore(TableServiceClient(self.lookup_url, credential=credential()))
        from recsys_assets.delivery.cosmos_store import CosmosStore

        # An emulator knows no other regions.
        options = {"enable_endpoint_discovery": False} if is_loopback(self.lookup_url) else {}
        return CosmosStore(self.lookup_url, key or credential(), options=options)

    def warehouse(self) -> AbstractContextManager[Warehouse]:
        """The warehouse, open as long as the context."""
        if url := reveal(self.warehouse_url):
            return closing(PostgresWarehouse(url))
        return closing(DuckDbWarehouse(Home(root=Path(self.home)).warehouse))
