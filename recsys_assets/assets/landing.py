"""Landing: the files of each drop as they came."""

import warnings
from typing import Any

import dagster as dg

from recsys_assets.assets.materialize import OWNERS, markdown_table
from recsys_assets.assets.partitions import DROPS
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.resources.storage import Storage


def _landing_asset(dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        name=dataset.name,
        key_prefix="landing",
        group_name="landing",
        kinds={"file"},
        owners=OWNERS,
        partitions_def=DROPS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=f"Files of {dataset.name} by drop date, as they came; never changed.",
    )
    def landed(context: dg.AssetExecutionContext, storage: Storage) -> dg.MaterializeResult[Any]:
        dates = set(context.partition_keys)
        files = [
            file
            for file in storage.landing_zone.files(dataset.name)
            if file.date.isoformat() in dates
        ]
        rows = [
            {"drop_date": file.date.isoformat(), "file": file.name, "bytes": file.size}
            for file in files
        ]
        return dg.MaterializeResult(
            metadata={
                "files": len(files),
                "bytes": sum(file.size for file in files),
                "Files": dg.MetadataValue.md(markdown_table(rows[-100:]) if rows else "none"),
            }
        )

    return landed


with warnings.catch_warnings():
    # Dagster says of each asset that its backfill policy is in beta: nothing that somebody who
    # opens the UI or writes a bundle can do anything about, and the version is pinned.
    warnings.simplefilter("ignore", dg.BetaWarning)
    landing_assets = [_landing_asset(dataset) for dataset in DATASETS.values()]
"""One asset per data set."""
