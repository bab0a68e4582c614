"""Checks of the feature tables."""

import dagster as dg
import polars as pl

from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.resources.storage import Storage


@table_check(asset=INTERACTIONS, blocking=True)
def pairs_are_unique(storage: Storage) -> dg.AssetCheckResult:
    """Each user–item pair stands once."""
    pairs = storage.lake.scan(INTERACTIONS).select("user", "item").collect()
    doubles = pairs.height - pairs.n_unique()
    return dg.AssetCheckResult(passed=doubles == 0, metadata={"doubles": doubles})


@table_check(asset=INTERACTIONS, blocking=True)
def every_part_has_rows(storage: Storage) -> dg.AssetCheckResult:
    """There are rows to train on and rows to test by."""
    parts = storage.lake.scan(INTERACTIONS).group_by("split").len().collect()
    rows = dict(parts.iter_rows())
    return dg.AssetCheckResult(
        passed=bool(rows.get("train") and rows.get("test")),
        metadata={part: int(count) for part, count in rows.items()},
    )


@table_check(asset=MOVIE_FEATURES)
def rated_movies_are_known(storage: Storage) -> dg.AssetCheckResult:
    """Every rated movie stands in the catalogue."""
    rated = storage.lake.scan(INTERACTIONS).select("item").unique()
    known = storage.lake.scan(MOVIE_FEATURES).select("item")
    unknown = rated.join(known, on="item", how="anti").collect()
    return dg.AssetCheckResult(
        passed=unknown.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "unknown": unknown.height,
            "examples": ", ".join(map(str, unknown["item"].sort().head(10))),
        },
    )


@table_check(asset=MOVIE_FEATURES)
def years_are_found(storage: Storage) -> dg.AssetCheckResult:
    """At least nine in ten titles name their year."""
    share = storage.lake.scan(MOVIE_FEATURES).select(pl.col("year").is_not_null().mean())
    found = float(share.collect().item() or 0.0)
    return dg.AssetCheckResult(
        passed=found >= 0.9,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"share_with_year": found},
    )


feature_checks = [pairs_are_unique, every_part_has_rows, rated_movies_are_known, years_are_found]
"""Checks of the features stage."""
