"""Jobs: what runs together."""

import dagster as dg

_INGEST = dg.AssetSelection.groups("landing", "validated")
_WEEKLY = dg.AssetSelection.assets("backtest")

ingest = dg.define_asset_job(
    "ingest",
    selection=_INGEST,
    description="Validate the files of some drops.",
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.all() - _INGEST - _WEEKLY,
    description="Features, models, evaluation and the tables to serve, from the validated tables.",
)

main = dg.define_asset_job(
    "main",
    selection=dg.AssetSelection.all() - _WEEKLY,
    description="The whole graph: ingest some drops, then publish.",
)

weekly = dg.define_asset_job(
    "weekly",
    selection=_WEEKLY,
    description="Fit every model on the past of several weeks, and judge it by what followed.",
)

JOBS = [ingest, publish, main, weekly]
"""Every job of the platform."""
