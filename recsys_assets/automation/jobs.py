"""Jobs: what runs together, how long it may take."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from recsys_assets.automation.feedback import land_feedback
from recsys_assets.automation.maintenance import tidy

WEEKLY_TAG = {"recsys/schedule": "weekly"}
"""Tag of assets that are made once a week; so are those of the groups below."""
_WEEKLY_GROUPS = ("sweeps", "backtests")

_INGEST = dg.AssetSelection.groups("landing", "validated")
_WEEKLY = dg.AssetSelection.groups(*_WEEKLY_GROUPS) | dg.AssetSelection.tag(
    *next(iter(WEEKLY_TAG.items()))
)


def _at_most(hours: int) -> dict[str, str]:
    """Run monitoring ends a run that takes longer."""
    return {"dagster/max_runtime": str(hours * 3600)}


ingest = dg.define_asset_job(
    "ingest",
    selection=_INGEST,
    tags=_at_most(hours=2),
    description="Validate the files of some drops.",
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.all() - _INGEST - _WEEKLY,
    tags=_at_most(hours=6),
    description="Features, models, evaluation and the tables to serve, from the validated tables.",
)

main = dg.define_asset_job(
    "main",
    selection=dg.AssetSelection.all() - _WEEKLY,
    tags=_at_most(hours=8),
    description="The whole graph: ingest some drops, then publish.",
)

weekly = dg.define_asset_job(
    "weekly",
    selection=_WEEKLY,
    tags=_at_most(hours=24),
    description="What is made once a week: searches for better settings, backtests.",
)


def is_weekly(asset: dg.AssetsDefinition) -> bool:
    """Whether an asset is made once a week."""
    return any(
        spec.group_name in _WEEKLY_GROUPS or WEEKLY_TAG.items() <= spec.tags.items()
        for spec in asset.specs
    )


def build_jobs(
    assets: Sequence[dg.AssetsDefinition],
) -> list[Any]:
    """Every job of the platform; ``weekly`` where there is something to do."""
    return [
        ingest,
        publish,
        main,
        tidy,
        land_feedback,
        *([weekly] if any(map(is_weekly, assets)) else []),
    ]
