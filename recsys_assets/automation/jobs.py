"""Jobs: what runs together, how long it may take."""

from typing import Any

import dagster as dg

from recsys_assets.automation.feedback import land_feedback
from recsys_assets.automation.maintenance import tidy

_WEEKLY_GROUPS = ("sweeps", "backtests")

_INGEST = dg.AssetSelection.groups("landing", "validated")
_WEEKLY = dg.AssetSelection.groups(*_WEEKLY_GROUPS)


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

JOBS: list[Any] = [ingest, publish, main, tidy, land_feedback, weekly]
"""Every job of the platform."""


def is_weekly(asset: dg.AssetsDefinition) -> bool:
    """Whether an asset is made once a week."""
    return any(spec.group_name in _WEEKLY_GROUPS for spec in asset.specs)
