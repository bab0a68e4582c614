"""Validated: rows that keep their contract, and next to them the lines that do not."""

import datetime
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from recsys_assets.assets.materialize import (
    OWNERS,
    WRITES_LAKE,
    run_step,
    table_asset_metadata,
)
from recsys_assets.assets.partitions import DROPS, chosen_dates, drops_of_run
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import Origin, Quarantine, quarantine_of
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops


class ValidationConfig(dg.Config):
    """What can be set in the launchpad."""

    max_bad_share: float | None = Field(
        default=None,
        description="A file with a greater share of bad lines is rejected whole; if not set: than "
        "0.2, and one that was accepted before is accepted again.",
    )


def _validated_assets(dataset: Dataset) -> dg.AssetsDefinition:
    common: dict[str, Any] = {
        "group_name": "validated",
        "owners": OWNERS,
        "deps": [["landing", dataset.name]],
        "kinds": {"deltalake", "pandera", "spark"},
        "skippable": True,
    }
    rows = dg.AssetSpec(
        dataset.name,
        description=f"{dataset.model.__doc__} Rows of {dataset.name} that keep every rule.",
        metadata=table_asset_metadata(dataset.name, dataset.model, Origin),
        **common,
    )
    rejected = dg.AssetSpec(
        quarantine_of(dataset.name),
        description=f"Lines of {dataset.name} files that broke a rule: file, line, text, rules.",
        metadata=table_asset_metadata(quarantine_of(dataset.name), Quarantine),
        **common,
    )

    @dg.multi_asset(
        name=f"validate_{dataset.name}",
        specs=[rows, rejected],
        partitions_def=DROPS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        pool=WRITES_LAKE,
    )
    def validated(
        context: dg.AssetExecutionContext, config: ValidationConfig, compute: Compute
    ) -> Iterator[dg.MaterializeResult[Any]]:
        keys = chosen_dates(context.run.tags, drops_of_run(context))
        dates = [datetime.date.fromisoformat(key) for key in keys]
        params = ValidationParams(
            dataset=dataset.name, dates=dates, max_bad_share=config.max_bad_share
        )
        yield from run_step(context, compute, validate_drops, params)

    return validated


validated_assets = [_validated_assets(dataset) for dataset in DATASETS.values()]
"""Two tables per data set: accepted rows and quarantined lines."""
