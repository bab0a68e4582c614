"""Serving: the bundle that the service answers from, and what people made of its answers."""

from typing import Any

import dagster as dg
from pydantic import Field

from recsys_assets.assets.materialize import OWNERS, WRITES_LAKE, link
from recsys_assets.assets.steps import step_asset
from recsys_assets.assets.transient import retried
from recsys_assets.contracts.feedback import ClickThrough
from recsys_assets.lake.damage import damage_in_words
from recsys_assets.registry import champions
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.clicks.through import count_click_through

LAST = {"dagster/priority": "-10"}
"""Of the steps that are ready, this one runs when no other is."""


class BundleConfig(dg.Config):
    """What can be set in the launchpad."""

    segment_length: int = Field(
        default=200, description="Items of the lists for users nobody knows."
    )
    promote: bool = Field(
        default=True, description="Whether the new bundle serves everybody from now on."
    )
    register_model: bool = Field(
        default=True, description="Whether it is logged in MLflow as a model too."
    )


# No dependency on click_model: where no clicks land, it is skipped, and what depends on a skipped
# asset is skipped too. Running last, the bundle takes in the newest one all the same.
@dg.asset(
    name="serving_bundle",
    group_name="delivery",
    deps=["top_k", "similar_items", "popular_movies", "user_segments", "als_model"],
    kinds={"file", "mlflow", "lightgbm"},
    owners=OWNERS,
    op_tags=LAST,
    pool=WRITES_LAKE,
)
@damage_in_words()
def serving_bundle(
    context: dg.AssetExecutionContext, config: BundleConfig, storage: Storage
) -> dg.MaterializeResult[Any]:
    """One folder with everything the service answers from, under checksums and proven by examples.

    It holds the published lists, similar movies, what has been seen, the champions' factors, trees
    and encoder. A service that watches the folder takes it over without dropping a request.
    """
    with retried(context), storage.alone(context):
        return dg.MaterializeResult(metadata=_write_bundle(config, storage))


def _write_bundle(config: BundleConfig, storage: Storage) -> dict[str, Any]:
    """Write, log and promote a bundle as configured; what there is to say of it."""
    from recsys_assets.registry.answers import request_for
    from recsys_assets.serving.export import ExportParams, write_bundle
    from recsys_assets.serving.folder import verified_manifest
    from recsys_assets.serving.pointer import BUNDLE_MODEL, BUNDLE_TAG, promote, remove_old
    from recsys_assets.serving.pyfunc import BundleModel

    root = storage.state.bundles
    params = ExportParams(segment_length=config.segment_length)
    version = write_bundle(storage.lake, storage.registry, root, params)
    facts = verified_manifest(root / version)
    metadata: dict[str, Any] = {
        "version": version,
        "bytes": sum(file["bytes"] for file in facts["files"].values()),
        **facts["rows"],
        "models": dg.MetadataValue.json(facts["models"]),
        "tables": dg.MetadataValue.json(facts["tables"]),
        "folder": dg.MetadataValue.path(str(root / version)),
    }
    logged = None
    if config.register_model:
        logged = storage.registry.log(
            BUNDLE_MODEL,
            BundleModel(),
            {"bundle": root / version},
            request_for([1]),
            params=params.model_dump(),
            metrics={name: float(count) for name, count in facts["rows"].items()},
            tags={BUNDLE_TAG: version},
        )
        metadata["MLflow run"] = link(logged.link)
    if config.promote:
        # A trial takes days: each night's bundle would end it on its first.
        pointer = promote(root, version, keep_canary=True)
        if pointer.canary:
            metadata["canary"] = f"{pointer.canary} for {100 * pointer.canary_share:g}%"
        if logged is not None:
            # Else its first version would be the champion for ever, and be alerted on as too old.
            champions.promote(storage.registry, BUNDLE_MODEL, logged.version, "its bundle serves")
    # Also where none is promoted: each night's would stay for ever.
    metadata["removed"] = ", ".join(remove_old(root)) or "none"
    return metadata


serving_assets = [
    serving_bundle,
    step_asset(
        "click_through",
        count_click_through,
        group="evaluation",
        deps=["feedback"],
        kinds={"deltalake", "polars"},
        model=ClickThrough,
    ),
]
"""What leaves the platform by the service, and what comes back."""
