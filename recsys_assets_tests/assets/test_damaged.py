"""A data file that is damaged fails its step with a word about it, and ends no process."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import BaseModel

from recsys_assets.assets.steps import step_asset
from recsys_assets.automation.causes import kind_of_error, step_error
from recsys_assets.automation.served import served_facts
from recsys_assets.contracts.files import FILES, Files
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets.resources.compute import Compute
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
    assert "a data file cannot be read" in said
    assert kind_of_error(said) == "table-damaged"
    assert "cannot be read" in served_facts(home.lake)["still served"]
