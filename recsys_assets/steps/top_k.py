"""Each user's best unseen movies, with reasons.

als_factors + interactions + movie_features -> top_k
"""

from typing import Any

import polars as pl
from pydantic import BaseModel, Field

from recsys_assets.contracts.features import GAP_SPLIT, MOVIE_FEATURES, SPLITS
from recsys_assets.contracts.models import ALS_FACTORS
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.kernels.plots.scores import score_distribution
from recsys_assets.kernels.recommending import TopKTask
from recsys_assets.registry import CHALLENGER
from recsys_assets.steps.als import ALS_MODEL
from recsys_assets.steps.candidates import read_ratings, read_titles, read_vectors
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


class TopKParams(BaseModel):
    """What is published for each user."""

    k: int = Field(default=10, ge=1)
    """Movies per user."""


def recommend_top_k(session: Session, params: TopKParams) -> StepReport:
    """Publish every user's k best movies they have not rated, each with a reason."""
    if not session.lake.exists(ALS_FACTORS):
        return StepReport(skipped="no als_factors yet: nothing to recommend from")
    vectors = read_vectors(session.lake, "ranking")
    stars = read_ratings(session.lake, vectors, (*SPLITS, GAP_SPLIT))
    task = TopKTask(vectors, stars, params.k)
    titles = read_titles(session.lake, MOVIE_FEATURES)
    named = pl.col("reason_item").replace_strict(titles, default="a movie", return_dtype=pl.String)
    because = pl.when(pl.col("reason_item").is_not_null()).then(
        pl.format("because you rated {}", named)
    )
    model = session.registry.find(ALS_MODEL, CHALLENGER)
    rows = _lists(session, task).select(
        "user",
        "rank",
        "item",
        "score",
        reason=because.otherwise(pl.lit("people with your taste watch it")),
        reason_item="reason_item",
        model=pl.lit(ALS_MODEL),
        model_version=pl.lit(model.version, pl.Int64),
    )
    version = session.lake.write_frame(rows, TOP_K)
    return _report(rows, version, titles, params.k, len(vectors.users))


def _lists(session: Session, task: TopKTask) -> pl.DataFrame:
    """Lists of all users; workers leave theirs in files, since they are too many to collect."""
    context = session.spark.sparkContext
    shared = context.broadcast(task)
    folder = session.lake.staging(TOP_K)

    def recommend(block: tuple[int, int]) -> list[dict[str, Any]]:
        path = folder / f"{block[0]}.parquet"
        shared.value.lists_of_block(block).write_parquet(path)
        return [{"path": str(path)}]

    blocks = task.vectors.user_blocks(context.defaultParallelism)
    rows = map_items(session.spark, blocks, recommend)
    shared.destroy()
    return pl.concat([pl.read_parquet(row["path"]) for _, row in rows])


def _report(
    rows: pl.DataFrame, version: int, titles: dict[int, str], k: int, users: int
) -> StepReport:
    full = rows.group_by("user").len().filter(pl.col("len") == k).height
    first_users = rows["user"].unique().sort().head(3).implode()
    title = pl.col("item").replace_strict(titles, default="?", return_dtype=pl.String)
    examples = rows.filter(pl.col("user").is_in(first_users)).with_columns(title=title)
    report = StepReport(
        rows={TOP_K: rows.height},
        versions={TOP_K: version},
        figures={
            "users": users,
            "users_with_full_lists": full,
            "items_recommended": rows["item"].n_unique(),
        },
        tables={"Examples": examples.select("user", "rank", "title", "score", "reason").to_dicts()},
    )
    ends = {f"rank {rank}": rows.filter(rank=rank)["score"].to_numpy() for rank in {1, k}}
    report.draw("Scores", lambda: score_distribution(ends))
    return report
