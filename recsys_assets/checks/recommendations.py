"""Checks of the tables that consumers read."""

import dagster as dg
import polars as pl

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.resources.storage import Storage


@dg.asset_check(asset=TOP_K, blocking=True)
def no_seen_item(storage: Storage) -> dg.AssetCheckResult:
    """Nobody is recommended what they have rated."""
    seen = storage.lake.scan(INTERACTIONS).select("user", "item")
    lists = storage.lake.scan(TOP_K).select("user", "item")
    repeated = lists.join(seen, on=["user", "item"], how="semi").collect()
    return dg.AssetCheckResult(passed=repeated.is_empty(), metadata={"seen": repeated.height})


@dg.asset_check(asset=TOP_K, blocking=True)
def lists_are_whole(storage: Storage) -> dg.AssetCheckResult:
    """Ranks of each list run from 1 without a gap, items differ, scores are finite and fall."""
    lists = storage.lake.scan(TOP_K).sort("user", "rank").collect()
    by_user = lists.group_by("user").agg(
        whole=(pl.col("rank").max() == pl.len()) & (pl.col("item").n_unique() == pl.len()),
        falling=pl.col("score").is_finite().all()
        & (pl.col("score").diff().max().fill_null(0) <= 0),
    )
    broken = by_user.filter(~(pl.col("whole") & pl.col("falling")))
    return dg.AssetCheckResult(
        passed=broken.is_empty(),
        metadata={"users": by_user.height, "broken": broken.height},
    )


@dg.asset_check(asset=TOP_K)
def items_exist(storage: Storage) -> dg.AssetCheckResult:
    """Every recommended movie stands in the catalogue."""
    if not storage.lake.exists(MOVIE_FEATURES):
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="no catalogue landed, so movies are shown without titles",
        )
    known = storage.lake.scan(MOVIE_FEATURES).select("item")
    lists = storage.lake.scan(TOP_K).select("item").unique()
    unknown = lists.join(known, on="item", how="anti").collect()
    return dg.AssetCheckResult(passed=unknown.is_empty(), metadata={"unknown": unknown.height})


recommendation_checks = [no_seen_item, lists_are_whole, items_exist]
"""Checks of the recommendations stage."""
