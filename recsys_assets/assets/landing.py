"""Landing: the files of each drop as they came."""

import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg

from recsys_assets.assets.materialize import OWNERS, markdown_table
from recsys_assets.assets.partitions import DROPS, drops_of_run
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.lake.landed import LandedFile
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
        by_date: dict[str, list[LandedFile]] = {date: [] for date in drops_of_run(context)}
        for file in storage.landing_zone.files(dataset.name):
            by_date.get(file.date.isoformat(), []).append(file)
        # Each partition shows its own drop, also where one run works on many.
        for date, files in by_date.items():
            context.add_asset_metadata(_facts_of(files), partition_key=date)
        return dg.MaterializeResult()

    return landed


def _facts_of(files: Sequence[LandedFile]) -> dict[str, Any]:
    """What the UI shows of the files of one drop."""
    rows = [
        {"drop_date": file.date.isoformat(), "file": file.name, "bytes": file.size}
        for file in files
    ]
    return {
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "Files": dg.MetadataValue.md(markdown_table(rows[-100:]) if rows else "none"),
    }


with warnings.catch_warnings():
    # Dagster says of each asset that its backfill policy is in beta: nothing that somebody who
    # opens the UI or writes a bundle can do anything about, and the version is pinned.
    warnings.simplefilter("ignore", dg.BetaWarning)
    landing_assets = [_landing_asset(dataset) for dataset in DATASETS.values()]
"""One asset per data set."""
