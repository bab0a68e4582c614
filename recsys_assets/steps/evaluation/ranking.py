"""Judging the models by interactions they have never seen.

    als_factors, popularity + interactions (test) -> ranking_evaluation, a report page

Protocol: for every user with test rows, the k best items among those rated in training, without the
items the user has in training or validation; every test row is relevant whatever its stars. A user
without training rows counts too, with an empty list.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import (
    ALS_FACTORS,
    POPULARITY,
    RANKING_EVALUATION,
    RankingEvaluation,
)
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.judging import RankingTask
from recsys_assets.kernels.metrics.ranking import mean_ranking, ranking_by_user
from recsys_assets.kernels.metrics.rating import rating_metrics
from recsys_assets.kernels.vectors import Vectors, places_of
from recsys_assets.registry import CHALLENGER
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.evaluation.report import Judgement, publish_ranking, report_ranking
from recsys_assets.steps.evaluation.trained import knows_of
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.candidates import (
    popularity_vectors,
    read_ratings,
    read_vectors,
)
from recsys_assets.steps.recommenders.learning_data import read_training
from recsys_assets.steps.recommenders.lists import RECOMMENDERS, list_items, load_recommender
from recsys_assets.steps.recommenders.popularity import POPULARITY_MODEL
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


class RankingEvaluationParams(StepParams):
    """How the models are judged."""

    k: int = Field(default=10, ge=1)
    """Length of the lists."""


def evaluate_ranking(session: Session, params: RankingEvaluationParams) -> StepReport:
    """Ranking metrics of all models, and rating metrics of ALS, on the test part."""
    needed = [t for t in (INTERACTIONS, ALS_FACTORS, POPULARITY) if not session.lake.exists(t)]
    if needed:
        return StepReport(skipped=f"no {', '.join(needed)} yet: nothing to judge")
    test = session.lake.scan(INTERACTIONS).filter(split="test").collect()
    if test.is_empty():
        return StepReport(
            failed="the test part holds no row: lower the shares of training and validation, "
            "or land more ratings"
        )
    if known := knows_of(session, test, (ALS_MODEL, *RECOMMENDERS)):
        return StepReport(failed=known)
    judgement = _judge(session, test, params.k)
    models = {name: session.registry.find(name, CHALLENGER) for name in judgement.figures}
    rows = [
        (name, models[name].version, "test", metric, value)
        for name, metrics in judgement.figures.items()
        for metric, value in metrics.items()
    ]
    table = pl.DataFrame(rows, schema=polars_schema(RankingEvaluation), orient="row")
    version = session.lake.write_frame(table, RANKING_EVALUATION)
    report = report_ranking(judgement, table.height, version)
    publish_ranking(session, judgement, models, report)
    return report


def _judge(session: Session, test: pl.DataFrame, k: int) -> Judgement:
    als = read_vectors(session.lake, "ranking")
    models = {ALS_MODEL: als, POPULARITY_MODEL: popularity_vectors(session.lake, als.users)}
    by_user = _ranking_by_user(session, models, test, k) | _registered(session, test, k)
    figures = {
        name: {_with_k(metric, k): value for metric, value in mean_ranking(frame).items()}
        for name, frame in by_user.items()
    }
    figures[ALS_MODEL] |= _rating(session, test)
    return Judgement(figures, _by_activity(session, by_user, k), test, k)


def _ranking_by_user(
    session: Session, models: Mapping[str, Vectors], test: pl.DataFrame, k: int
) -> dict[str, pl.DataFrame]:
    """Model → metrics of every test user; all models in one Spark job."""
    truth = test.select("user", "item")
    seen = ("train", "validation")
    tasks = {
        name: RankingTask(vectors, read_ratings(session.lake, vectors, seen), truth, k)
        for name, vectors in models.items()
    }
    context = session.spark.sparkContext
    shared = context.broadcast(tasks)
    items = [
        (name, block)
        for name, vectors in models.items()
        for block in vectors.user_blocks(context.defaultParallelism)
    ]

    def judge(item: tuple[str, tuple[int, int]]) -> list[pl.DataFrame]:
        name, block = item
        return [shared.value[name].metrics_of_block(block)]

    answers = map_items(session.spark, items, judge)
    shared.destroy()
    blocks: dict[str, list[pl.DataFrame]] = {name: [] for name in models}
    for number, frame in answers:
        blocks[items[number][0]].append(frame)
    return {name: _all_users(pl.concat(frames), truth) for name, frames in blocks.items()}


def _registered(session: Session, test: pl.DataFrame, k: int) -> dict[str, pl.DataFrame]:
    """Model → metrics of every test user, of the recommenders the registry holds."""
    names = [name for name in RECOMMENDERS if session.registry.has(name)]
    if not names:
        return {}
    histories = read_training(session.lake, ("train", "validation"))
    truth = test.select("user", "item")
    train = session.lake.scan(INTERACTIONS).filter(split="train")
    trained = train.select(pl.col("user").unique()).collect()
    judged = {}
    for name in names:
        lists = list_items(load_recommender(session.registry, name), histories, k, trained=True)
        # Who has validation rows alone would be shown the newcomers' list, and by ALS nothing.
        lists = lists.join(trained, on="user", how="semi", maintain_order="left")
        judged[name] = ranking_by_user(lists, truth, k)
    return judged


def _all_users(judged: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """A row for every test user: those without a vector could be shown nothing."""
    users = truth.select(pl.col("user").unique().sort())
    return users.join(judged, on="user", how="left", maintain_order="left").with_columns(
        pl.exclude("user").fill_null(0.0)
    )


def _by_activity(
    session: Session, by_user: Mapping[str, pl.DataFrame], k: int
) -> list[dict[str, Any]]:
    """Mean nDCG of test users in four groups of equal size, by their number of training rows."""
    train = session.lake.scan(INTERACTIONS).filter(split="train")
    known = train.group_by("user").agg(known=pl.len()).collect()
    scores = [frame.select("user", pl.col("ndcg_at_k").alias(n)) for n, frame in by_user.items()]
    joined = pl.concat(scores, how="align_left").join(known, on="user", how="left")
    ranked = joined.with_columns(pl.col("known").fill_null(0)).sort("known", "user")
    group = (pl.int_range(pl.len()) * 4) // pl.len()
    return (
        ranked.group_by(group.alias("quarter"))
        .agg(
            pl.format("{} to {}", pl.col("known").min(), pl.col("known").max()).alias(
                "ratings known"
            ),
            pl.len().alias("users"),
            *(pl.col(name).mean().alias(f"ndcg@{k} {name}") for name in by_user),
        )
        .sort("quarter")
        .drop("quarter")
        .to_dicts()
    )


def _with_k(name: str, k: int) -> str:
    return name.replace("_at_k", f"@{k}")


def _rating(session: Session, test: pl.DataFrame) -> dict[str, float]:
    """Rating metrics on test pairs; of an unknown side nothing but the mean is supposed."""
    vectors = read_vectors(session.lake, "rating")
    users, items = test["user"].to_numpy(), test["item"].to_numpy()
    user_at, user_known = places_of(users, vectors.users)
    item_at, item_known = places_of(items, vectors.items)
    train = session.lake.scan(INTERACTIONS).filter(split="train")
    mean = train.select(pl.col("rating").cast(pl.Float64).mean()).collect().item()
    # The last two places are (bias, 1) and (1, mean + bias): see the rating task of `steps.als`.
    of_user = np.where(user_known[:, np.newaxis], vectors.user_factors[user_at], 0.0)
    of_item = np.where(item_known[:, np.newaxis], vectors.item_factors[item_at], 0.0)
    of_user[~user_known, -1] = 1.0
    of_item[~item_known, -2:] = (1.0, mean)
    predicted = np.clip((of_user * of_item).sum(axis=1), 0.5, 5.0)
    return rating_metrics(test["rating"].to_numpy(), predicted)
