"""Each user's best unseen movies, with reasons.

rank_model (or als_factors) + interactions + movie_features -> top_k
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from recsys_assets.contracts.features import EVERY_PART, INTERACTIONS
from recsys_assets.contracts.models import ALS_FACTORS
from recsys_assets.contracts.recommendations import TOP_K, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.plots.scores import score_distribution
from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import RatingData
from recsys_assets.kernels.recommenders.reasons import FALLBACK, reasons, sentence
from recsys_assets.kernels.recommending import TopKTask
from recsys_assets.kernels.titles import spoken
from recsys_assets.kernels.vectors import places_of
from recsys_assets.lake.store import read_parquet, write_parquet
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.candidates import read_ratings, read_titles, read_vectors
from recsys_assets.steps.recommenders.learning_data import full_histories, read_training
from recsys_assets.steps.recommenders.lists import list_items, load_recommender
from recsys_assets.steps.recommenders.models import RANK_MODEL
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


class TopKParams(StepParams):
    """What is published for each user."""

    k: int = Field(default=10, ge=1)
    """Movies per user."""


def recommend_top_k(session: Session, params: TopKParams) -> StepReport:
    """Publish every user's k best movies they have not rated, each with a reason.

    The lists are those of the hybrid in use, the champion, over all that a user has rated; ALS
    makes them where no hybrid was trained yet.
    """
    hybrid = session.registry.has(RANK_MODEL, CHAMPION) and session.lake.exists(INTERACTIONS)
    if not hybrid and not session.lake.exists(ALS_FACTORS):
        return StepReport(skipped="no rank_model or als_factors yet: nothing to recommend from")
    titles = read_titles(session.lake)
    said = {item: spoken(title) for item, title in titles.items()}
    rows, users = (_of_hybrid if hybrid else _of_als)(session, params, said)
    version = session.lake.write_frame(rows.cast(pl.Schema(polars_schema(TopK))), TOP_K)
    return _report(rows, version, titles, params.k, users)


def _of_hybrid(
    session: Session, params: TopKParams, titles: dict[int, str]
) -> tuple[pl.DataFrame, int]:
    """Lists of the hybrid; the item-item model among its members names the reasons."""
    model = load_recommender(session.registry, RANK_MODEL, CHAMPION)
    assert isinstance(model, Hybrid)
    ratings = read_training(session.lake, EVERY_PART)
    # The champion may have been trained on items that were withdrawn since.
    offered = np.union1d(ratings.items, np.fromiter(titles, np.int32, len(titles)))
    lists = list_items(model, ratings, params.k, trained=False, offered=offered)
    rows = lists.with_columns(_reasons(model, ratings, lists, titles)).select(
        *("user", "rank", "item", "score", "reason", "reason_item"),
        model=pl.lit(RANK_MODEL),
        model_version=pl.lit(session.registry.find(RANK_MODEL, CHAMPION).version, pl.Int64),
    )
    return rows, len(ratings.users)


def _reasons(
    model: Hybrid, ratings: RatingData, lists: pl.DataFrame, titles: dict[int, str]
) -> pl.DataFrame:
    """Reason and reason_item of every row of the lists."""
    ease = model.members["ease"]
    assert isinstance(ease, EaseMember)
    histories = full_histories(model.catalogue, ratings)
    place, _ = places_of(lists["user"].to_numpy(), ratings.users)
    found: list[list[int]] = []
    for row, items in zip(*_runs(place, lists["item"].to_numpy()), strict=True):
        found += reasons(ease, model.catalogue, histories.part(slice(row, row + 1)), items)
    words = [sentence(because, titles) for because in found]
    first = [because[0] if because else None for because in found]
    return pl.DataFrame(
        {"reason": words, "reason_item": first},
        schema={"reason": pl.String, "reason_item": pl.Int32},
    )


def _runs(
    place: NDArray[np.int64], items: NDArray[np.int32]
) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
    """The users in their order and the items of each, from rows that lie together."""
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    return place[starts], np.split(items, starts)[1:]


def _of_als(
    session: Session, params: TopKParams, titles: dict[int, str]
) -> tuple[pl.DataFrame, int]:
    """Lists of ALS; the rated movie nearest to the recommended one is the reason."""
    vectors = read_vectors(session.lake, "ranking")
    task = TopKTask(vectors, read_ratings(session.lake, vectors, EVERY_PART), params.k)
    named = pl.col("reason_item").replace_strict(titles, default="a movie", return_dtype=pl.String)
    because = pl.when(pl.col("reason_item").is_not_null()).then(
        pl.format("because you rated {}", named)
    )
    model = session.registry.find(ALS_MODEL, CHALLENGER)
    rows = list_all_users(session, task).select(
        *("user", "rank", "item", "score"),
        reason=because.otherwise(pl.lit(FALLBACK)),
        reason_item="reason_item",
        model=pl.lit(ALS_MODEL),
        model_version=pl.lit(model.version, pl.Int64),
    )
    return rows, len(vectors.users)


def list_all_users(session: Session, task: TopKTask) -> pl.DataFrame:
    """Lists of all users; workers leave theirs in files, since they are too many to collect."""
    context = session.spark.sparkContext
    shared = context.broadcast(task)
    folder = session.lake.staging(TOP_K)

    def recommend(block: tuple[int, int]) -> list[str]:
        path = folder / f"{block[0]}.parquet"
        write_parquet(shared.value.lists_of_block(block), path)
        return [str(path)]

    blocks = task.vectors.user_blocks(context.defaultParallelism)
    paths = map_items(session.spark, blocks, recommend)
    shared.destroy()
    return pl.concat([read_parquet(path) for _, path in paths])


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
