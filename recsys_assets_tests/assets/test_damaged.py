"""A data file that is damaged fails its step with a word about it, and ends no process."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from pydantic import BaseModel

from recsys_assets.assets.delivery import digests
from recsys_assets.assets.publications import lookup_lists, warehouse_lists
from recsys_assets.assets.steps import step_asset
from recsys_assets.automation.causes import kind_of_error, step_error
from recsys_assets.automation.served import served_facts
from recsys_assets.contracts.features import MOVIE_FEATURES, MovieFeatures
from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.recommendations import TOP_K, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.lake.damage import DamagedTableError
from recsys_assets.resources.compute import Compute
from recsys_assets.resources.delivery import Delivery
from recsys_assets.resources.digests import Digests
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session


class Params(BaseModel):
    """None."""


def read(session: Session, params: Params) -> StepReport:
    """Read a table."""
    return StepReport()


class Reading(Compute):
    """Reads a table where a step would."""

    home: str

    def run(self, context: dg.AssetExecutionContext, step: Any, params: BaseModel) -> StepReport:
        Home(root=Path(self.home)).lake.scan(FILES).collect()
        return StepReport()


def test_a_cut_data_file_is_named(home: Home) -> None:
    row = ("ratings", None, "a.csv", 9, "ratings.csv", 1, 1, 0, False, "{}", None)
    frame = pl.DataFrame([row] * 50, polars_schema(Files), orient="row")
    home.lake.write_frame(frame, FILES)
    for path in Path(home.lake.uri(FILES)).rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:20])
    asset = step_asset("reads", read, group="features", deps=[], kinds=set())
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [asset],
            instance=instance,
            resources={"compute": Reading(home=str(home.root))},
            raise_on_error=False,
        )
        failed = {dg.DagsterEventType.STEP_FAILURE}
        records = instance.get_records_for_run(result.run_id, of_type=failed).records
    assert not result.success
    said = step_error(records[0].event_log_entry)
    assert said.startswith("table damaged: a file of it cannot be read: ")
    assert kind_of_error(said) == "table-damaged"
    assert "cannot be read" in served_facts(home.lake)["still served"]


@pytest.mark.parametrize("asset", [digests, lookup_lists, warehouse_lists])
def test_a_delivery_of_a_damaged_table_fails_in_words(
    home: Home, asset: dg.AssetsDefinition
) -> None:
    movie, row = (7, "Movie", 1990, [], 1, 3.0, 1), (1, 1, 7, 0.5, "because", None, "als_model", 1)
    movies = pl.DataFrame([movie], polars_schema(MovieFeatures), orient="row")
    home.lake.write_frame(movies, MOVIE_FEATURES)
    home.lake.write_frame(pl.DataFrame([row] * 500, polars_schema(TopK), orient="row"), TOP_K)
    for path in Path(home.lake.uri(TOP_K)).rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:20])
    resources = {
        "storage": Storage(home=str(home.root)),
        "delivery": Delivery(home=str(home.root)),
        "mailer": Digests(home=str(home.root)),
    }
    with pytest.raises(DamagedTableError, match="table damaged"):
        dg.materialize([asset], resources=resources)
