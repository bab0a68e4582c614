"""What the launchpad says of the settings of each step."""

import dagster as dg

from recsys_assets.definitions import defs


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
