"""What the UI says of assets that are one step each: of their settings, and of what they wrote."""

from typing import Any

import dagster as dg
import pytest
from pydantic import ValidationError

from recsys_assets.assets import ASSETS
from recsys_assets.assets.models import model_assets
from recsys_assets.assets.steps import STEP
from recsys_assets.contracts.models import ALS_FACTORS
from recsys_assets.definitions import defs
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import params_of, step_named


class Reports(Compute):
    """Says that a step has written its table."""

    def run(self, context: dg.AssetExecutionContext, step: Any, params: Any) -> StepReport:
        return StepReport(rows={ALS_FACTORS: 7}, versions={ALS_FACTORS: 3})


def test_every_setting_of_the_launchpad_says_what_it_means() -> None:
    schemas = {
        asset.op.name: asset.op.config_schema.config_type.fields
        for asset in defs.assets or []
        if isinstance(asset, dg.AssetsDefinition) and asset.op.config_schema.config_type
        if isinstance(asset.op.config_schema.config_type, dg.Shape)
    }
    assert {"als_model", "click_features", "promotion", "validate_ratings"} <= schemas.keys()
    silent = {
        f"{name}.{field}"
        for name, fields in schemas.items()
        for field, about in fields.items()
        if not about.description
    }
    assert silent == set()


def test_a_seed_that_nothing_can_be_drawn_by_is_refused_by_its_name() -> None:
    steps = {
        spec.key.to_user_string(): step_named(spec.metadata[STEP])
        for asset in ASSETS
        for spec in asset.specs
        if STEP in spec.metadata
    }
    drawn = {n: params for n, s in steps.items() if "seed" in (params := params_of(s)).model_fields}
    assert {"als_model", "rank_model", "promotion", "click_model", "backtest"} <= drawn.keys()
    del drawn["interactions"]  # Spark's hash takes any number of 32 bits
    for name, params in drawn.items():
        with pytest.raises(ValidationError, match="greater than or equal to 0") as refused:
            params(seed=-1)
        assert refused.value.errors()[0]["loc"] == ("seed",), name


def test_rows_are_those_of_the_table_also_where_it_is_not_called_like_the_asset() -> None:
    als_model = next(a for a in model_assets if a.key == dg.AssetKey("als_model"))
    result = dg.materialize([als_model], resources={"compute": Reports()})
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert shown["dagster/row_count"].value == 7 and shown["delta_version"].value == 3
    assert als_model.metadata_by_key[als_model.key]["dagster/table_name"] == ALS_FACTORS
