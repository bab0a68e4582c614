"""Checks of drift: the newest drop of each data set against those before it."""

import dagster as dg
import polars as pl

from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.drift import DRIFT
from recsys_assets.resources.storage import Storage


@table_check(DRIFT, asset="rating_drift")
def ratings_hold_still(storage: Storage) -> dg.AssetCheckResult:
    """Ratings, the stars the model expects, and the share of new users and items are as before."""
    return _newest(storage, "ratings")


@table_check(DRIFT, asset="click_drift")
def clicks_hold_still(storage: Storage) -> dg.AssetCheckResult:
    """Columns of clicks, the click rate and the model's probabilities are as before."""
    return _newest(storage, "clicks")


def _newest(storage: Storage, dataset: str) -> dg.AssetCheckResult:
    rows = storage.lake.scan(DRIFT).filter(dataset=dataset).collect()
    newest = rows.filter(pl.col("drop_date") == pl.col("drop_date").max())
    drifted = newest.filter("drifted")
    words = [
        f"{row['column']} {row['measure']} {row['value']:.3f} beyond {row['threshold']:.3f}"
        for row in drifted.iter_rows(named=True)
    ]
    return dg.AssetCheckResult(
        passed=drifted.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "drop": str(newest["drop_date"].max() or "none yet that has one before it"),
            "figures": newest.height,
            "drifted": "; ".join(words[:20]) or "none",
        },
    )


drift_checks = [ratings_hold_still, clicks_hold_still]
"""Checks of drift."""
