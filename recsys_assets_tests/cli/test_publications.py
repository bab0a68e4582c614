"""What readers see, and the way back, by the command."""

import json

import polars as pl
import pytest

from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.delivery.lookup import StoreError, publish
from recsys_assets.delivery.sqlite_store import SqliteStore
from recsys_assets.delivery.warehouse import DuckDbWarehouse
from recsys_assets.delivery.warehouse_tables import WarehouseError
from recsys_assets.home import Home
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.servers.analyst import opened_by_an_analyst


def test_versions_are_shown_and_rolled_back(home: Home, recsys: Recsys) -> None:
    assert {row["version"] for row in json.loads(recsys("publications", "--json").stdout)} == {""}
    store, warehouse = SqliteStore(home.lookup), DuckDbWarehouse(home.warehouse)
    for version in ("v1", "v2"):
        publish(store, version, [(1, json.dumps([version]))])
        warehouse.publish(TOP_K, pl.DataFrame({"user": [1]}), version)
    warehouse.close()

    def shown() -> list[str]:
        return [row["version"] for row in json.loads(recsys("publications", "--json").stdout)]

    assert shown() == ["v2", "v2"]
    assert "lookup: v1" in recsys("publications", "--roll-back", "lookup").stdout
    assert shown() == ["v1", "v2"]
    rolled = recsys("publications", "--roll-back", "warehouse", "--json").stdout
    assert json.loads(rolled) == [{"where": "warehouse", "version": "v1"}]
    assert shown() == ["v1", "v1"]
    recsys("publications", "--roll-back", "mail", code=2)


def test_a_warehouse_that_somebody_has_open_is_told_in_a_line(home: Home) -> None:
    DuckDbWarehouse(home.warehouse).close()
    with (
        opened_by_an_analyst(home.warehouse) as analyst,
        pytest.raises(WarehouseError, match=rf"PID {analyst}\)"),
    ):
        DuckDbWarehouse(home.warehouse)
    DuckDbWarehouse(home.warehouse).close()


@pytest.mark.parametrize("where", ["lookup", "warehouse"])
def test_a_damaged_file_of_readers_is_named_with_what_makes_it_anew(
    home: Home, recsys: Recsys, where: str
) -> None:
    path = {"lookup": home.lookup, "warehouse": home.warehouse}[where]
    path.write_bytes(b"neither" * 1000)
    # From the command this is a line: `app.EXPECTED`.
    opened = {"lookup": SqliteStore, "warehouse": DuckDbWarehouse}[where]
    with pytest.raises((StoreError, WarehouseError), match="move it away") as raised:
        opened(path)
    assert str(path) in str(raised.value) and f"--select {where}_lists" in str(raised.value)
    path.rename(path.with_suffix(".damaged"))
    recsys("publications")
