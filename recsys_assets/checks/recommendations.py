"""Checks of the tables that consumers read."""

import dagster as dg
import polars as pl

from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import POPULAR_MOVIES, SIMILAR_ITEMS, TOP_K
from recsys_assets.resources.storage import Storage

TOLERABLE_UNLISTED = 0.02
"""Share of users without a list that a new model may leave, e.g. those who came today."""
MANY_USERS = 20
"""That so many users get the very same list is no chance."""


@table_check(asset=TOP_K, blocking=True)
def no_seen_item(storage: Storage) -> dg.AssetCheckResult:
    """Nobody is recommended what they have rated."""
    seen = storage.lake.scan(INTERACTIONS).select("user", "item")
    lists = storage.lake.scan(TOP_K).select("user", "item")
    repeated = lists.join(seen, on=["user", "item"], how="semi").collect()
    return dg.AssetCheckResult(passed=repeated.is_empty(), metadata={"seen": repeated.height})


@table_check(asset=TOP_K, blocking=True)
def lists_are_whole(storage: Storage) -> dg.AssetCheckResult:
    """Ranks of each list run from 1 without a gap, items differ, scores are finite and fall."""
    lists = storage.lake.scan(TOP_K).sort("user", "rank").collect()
    by_user = lists.group_by("user").agg(
        whole=(pl.col("rank").max() == pl.len())
        & (pl.col("rank").n_unique() == pl.len())  # with ranks from 1 on: each of them once
        & (pl.col("item").n_unique() == pl.len()),
        falling=pl.col("score").is_finite().all()
        & (pl.col("score").diff().max().fill_null(0) <= 0),
    )
    broken = by_user.filter(~(pl.col("whole") & pl.col("falling")))
    return dg.AssetCheckResult(
        passed=broken.is_empty(),
        metadata={"users": by_user.height, "broken": broken.height},
    )


@table_check(asset=TOP_K)
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


@table_check(asset=TOP_K, blocking=True)
def lists_are_full_or_say_why(storage: Storage) -> dg.AssetCheckResult:
    """Every list has as many movies as the longest, or all of those listed that its user may see.

    What nobody is shown is not counted: the model may be older than the newest movies.
    """
    pairs = storage.lake.scan(TOP_K).select("user", "item").collect()
    lists = pairs.group_by("user").agg(length=pl.len())
    seen = storage.lake.scan(INTERACTIONS).select("user", "item").unique().collect()
    listed = pairs.select("item").unique()
    rated = seen.join(listed, on="item", how="semi").group_by("user").agg(rated=pl.len())
    k = int(lists["length"].max() or 0)  # type: ignore[arg-type]
    short = lists.filter(pl.col("length") < k).join(rated, on="user", how="left")
    left = listed.height - pl.col("rated").fill_null(0)
    unexplained = short.filter(pl.col("length") < pl.min_horizontal(left, pl.lit(k)))
    return dg.AssetCheckResult(
        passed=unexplained.is_empty(),
        description=f"{unexplained.height} lists are short without a reason"
        if unexplained.height
        else None,
        metadata={
            "k": k,
            "full": lists.height - short.height,
            "short because the user has rated nearly everything": short.height - unexplained.height,
            "short without a reason": unexplained.height,
        },
    )


@table_check(asset=TOP_K)
def users_are_covered(storage: Storage) -> dg.AssetCheckResult:
    """Every user who rated has a list."""
    users = storage.lake.scan(INTERACTIONS).select("user").unique()
    listed = storage.lake.scan(TOP_K).select("user").unique()
    without = users.join(listed, on="user", how="anti").collect().height
    count = users.collect().height
    return dg.AssetCheckResult(
        passed=without <= TOLERABLE_UNLISTED * count,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"users": count, "without a list": without},
    )


@table_check(asset=TOP_K)
def scores_tell_movies_apart(storage: Storage) -> dg.AssetCheckResult:
    """Scores differ within lists, and lists differ between users: the model has learned people."""
    lists = storage.lake.scan(TOP_K).sort("user", "rank").collect()
    by_user = lists.group_by("user", maintain_order=True).agg(
        flat=(pl.col("score").n_unique() == 1) & (pl.len() > 1), items="item"
    )
    flat, alike = int(by_user["flat"].sum()), by_user["items"].n_unique() == 1
    return dg.AssetCheckResult(
        passed=not flat and not (alike and by_user.height >= MANY_USERS),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"lists with one score": flat, "different lists": by_user["items"].n_unique()},
    )


@table_check(asset=SIMILAR_ITEMS)
def similar_movies_exist(storage: Storage) -> dg.AssetCheckResult:
    """Every similar movie stands in the catalogue, and none is similar to itself."""
    pairs = storage.lake.scan(SIMILAR_ITEMS).select("item", "similar_item").collect()
    known = storage.lake.scan(MOVIE_FEATURES).select("item").collect()
    unknown = pairs.join(known, left_on="similar_item", right_on="item", how="anti").height
    selves = pairs.filter(pl.col("item") == pl.col("similar_item")).height
    return dg.AssetCheckResult(
        passed=not unknown and not selves, metadata={"unknown": unknown, "of itself": selves}
    )


@table_check(asset=POPULAR_MOVIES)
def popular_movies_exist(storage: Storage) -> dg.AssetCheckResult:
    """Every popular movie stands in the catalogue."""
    movies = storage.lake.scan(POPULAR_MOVIES).select("item")
    known = storage.lake.scan(MOVIE_FEATURES).select("item")
    unknown = movies.join(known, on="item", how="anti").collect().height
    return dg.AssetCheckResult(passed=not unknown, metadata={"unknown": unknown})


recommendation_checks = [
    no_seen_item,
    lists_are_whole,
    lists_are_full_or_say_why,
    users_are_covered,
    scores_tell_movies_apart,
    items_exist,
    similar_movies_exist,
    popular_movies_exist,
]
"""Checks of the recommendations stage."""
