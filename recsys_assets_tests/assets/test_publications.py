"""Which version of the lists the stores hold, and when they get another one."""

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from recsys_assets.assets.publications import lookup_lists, warehouse_lists
from recsys_assets.assets.serving import serving_bundle
from recsys_assets.contracts.features import MOVIE_FEATURES
from recsys_assets.contracts.recommendations import TOP_K, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.delivery.lookup import look_up
from recsys_assets.delivery.sqlite_store import SqliteStore
from recsys_assets.home import Home
from recsys_assets.lake.tables import Lake
from recsys_assets.resources.delivery import Delivery
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.resources.test_run_lock import is_free


def _write(home: Home, item: int) -> None:
    row = (1, 1, item, 0.5, "everybody watches it", None, "rank_model", 1)
    home.lake.write_frame(pl.DataFrame([row], polars_schema(TopK), orient="row"), TOP_K)


def _publish(home: Home) -> list[bool]:
    root = str(home.root)
    resources = {"storage": Storage(home=root), "delivery": Delivery(home=root)}
    done = dg.materialize([lookup_lists, warehouse_lists], resources=resources)
    events = [
        done.asset_materializations_for_node(name)[0]
        for name in ("lookup_lists", "warehouse_lists")
    ]
    return [bool(event.metadata["new to readers"].value) for event in events]


def _shown(home: Home) -> list[int]:
    found = look_up(SqliteStore(home.lookup), 1)
    assert found is not None
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        rows = warehouse.execute("SELECT item FROM recsys.top_k").fetchall()
    return [found[1][0]["item"], rows[0][0]]


@pytest.fixture
def titled(home: Home) -> Home:
    """A home with titles."""
    home.lake.write_frame(
        pl.DataFrame({"item": [1, 2, 3], "title": ["A", "B", "C"]}), MOVIE_FEATURES
    )
    return home


def test_a_table_that_is_written_anew_is_another_publication(titled: Home) -> None:
    _write(titled, 1)
    assert _publish(titled) == [True, True] and _shown(titled) == [1, 1]
    assert _publish(titled) == [False, False]
    _write(titled, 2)
    assert _publish(titled) == [True, True] and _shown(titled) == [2, 2]


def test_lists_made_after_tables_came_back_from_a_copy_reach_readers(
    titled: Home, tmp_path: Path
) -> None:
    _write(titled, 1)
    lake = Path(titled.lake.root)
    shutil.copytree(lake, tmp_path / "copy")
    _write(titled, 2)
    _publish(titled)
    shutil.rmtree(lake)
    shutil.copytree(tmp_path / "copy", lake)
    _write(titled, 3)  # with the number of the version that has been published
    assert _publish(titled) == [True, True]
    assert _shown(titled) == [3, 3]


@pytest.mark.parametrize("asset", [lookup_lists, warehouse_lists, serving_bundle])
def test_what_is_published_alone_takes_the_lock_of_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch, asset: dg.AssetsDefinition
) -> None:
    """It read lists that a run wrote anew meanwhile, and put them in place of those of the run."""
    free: list[bool] = []

    def opened(*_: object) -> None:
        free.append(is_free(home.root))
        raise KeyError("enough seen")

    monkeypatch.setattr(Lake, "open", opened)
    resources = {"storage": Storage(home=str(home.root)), "delivery": Delivery(home=str(home.root))}
    dg.materialize([asset], resources=resources, raise_on_error=False)
    assert free == [False]
    assert is_free(home.root)
