"""Jobs: what runs together."""

import dagster as dg

_INGEST = dg.AssetSelection.groups("landing", "validated")

ingest = dg.define_asset_job(
    "ingest",
    selection=_INGEST,
    description="Validate the files of some drops.",
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.all() - _INGEST,
    description="Features, models, evaluation and the tables to serve, from the validated tables.",
)

main = dg.define_asset_job(
    "main",
    selection=dg.AssetSelection.all(),
    description="The whole graph: ingest some drops, then publish.",
)

JOBS = [ingest, publish, main]
"""Every job of the platform."""
