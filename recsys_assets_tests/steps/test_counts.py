"""What each step costs Spark: jobs, stages, tasks, bytes shuffled and spilled, rows read.

Counts do not vary with the machine as seconds do. A step that starts to cost more fails here; where
that is meant, write its new figures down.
"""

import datetime
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.features.tables import (
    NoParams,
    SplitParams,
    build_interactions,
    build_movie_features,
)
from recsys_assets.steps.publication.similar_items import SimilarItemsParams, find_similar_items
from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session, Step
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets.synthetic.movielens import MovieLensSize, generate_movies, generate_ratings

DATE = datetime.date(2026, 1, 1)
SIZE = MovieLensSize(users=100, movies=200, ratings=4_000)


@dataclass(frozen=True)
class Cost:
    """What Spark did."""

    jobs: int
    stages: int
    tasks: int
    shuffled_kilobytes: int
    rows_read: int
    spilled: int = 0


NOTHING = Cost(0, 0, 0, 0, 0)
FLOW: list[tuple[str, Step, BaseModel, Cost]] = [
    (
        "validate",
        validate_drops,
        ValidationParams(dataset="ratings", dates=[DATE]),
        Cost(2, 2, 2, 0, 0),
    ),
    (
        "validate movies",
        validate_drops,
        ValidationParams(dataset="movies", dates=[DATE]),
        Cost(2, 2, 2, 0, 0),
    ),
    (
        "validate clicks",
        validate_drops,
        ValidationParams(dataset="clicks", dates=[DATE]),
        Cost(1, 1, 1, 0, 0),
    ),
    ("interactions", build_interactions, SplitParams(), Cost(2, 2, 3, 58, 4000)),
    ("movie features", build_movie_features, NoParams(), Cost(5, 5, 6, 27, 4400)),
    ("ALS", train_als, ALSParams(rank=8, iterations=3), Cost(6, 6, 12, 0, 0)),
    ("popularity", count_popularity, NoParams(), NOTHING),
    ("ranking metrics", evaluate_ranking, RankingEvaluationParams(), Cost(1, 1, 2, 0, 0)),
    ("lists", recommend_top_k, TopKParams(), Cost(1, 1, 2, 0, 0)),
    ("similar items", find_similar_items, SimilarItemsParams(), NOTHING),
    ("encoding", encode_clicks, EncodingParams(), Cost(4, 4, 7, 0, 0)),
]


def test_no_step_costs_more_than_it_did(session: Session, tmp_path: Path) -> None:
    _land(session, tmp_path)
    dearer = {}
    for name, step, params, known in FLOW:
        before = _last_ids(session)
        report = step(session, params)
        assert not report.failed
        assert not report.skipped
        cost = _cost_since(session, *before)
        if any(now > then for now, then in zip(astuple(cost), astuple(known), strict=True)):
            dearer[name] = f"{cost} instead of {known}"
    assert not dearer, "\n".join(f"{name}: {cost}" for name, cost in dearer.items())


def _land(session: Session, folder: Path) -> None:
    movies = generate_movies(SIZE, seed=1)
    tables = {"movies": movies, "ratings": generate_ratings(SIZE, seed=1, movies=movies)}
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
        session.landing.land(folder / f"{name}.csv", name, DATE)
    clicks: pl.DataFrame = next(click_batches(3_000, 1))
    clicks.write_csv(folder / "clicks.tsv", separator="\t", include_header=False)
    session.landing.land(folder / "clicks.tsv", "clicks", DATE)


def _last_ids(session: Session) -> tuple[int, int]:
    """Numbers of the last job and of the last stage."""
    jobs, stages = _jobs_and_stages(session)
    return max((job.jobId() for job in jobs), default=-1), max(
        (stage.stageId() for stage in stages), default=-1
    )


def _cost_since(session: Session, job: int, stage: int) -> Cost:
    """What Spark did after these."""
    jobs, stages = _jobs_and_stages(session)
    ran = [
        each for each in stages if each.stageId() > stage and each.status().toString() == "COMPLETE"
    ]
    return Cost(
        jobs=sum(each.jobId() > job for each in jobs),
        stages=len(ran),
        tasks=sum(each.numCompleteTasks() for each in ran),
        shuffled_kilobytes=sum(each.shuffleWriteBytes() for each in ran) // 1024,
        rows_read=sum(each.inputRecords() for each in ran),
        spilled=sum(each.memoryBytesSpilled() + each.diskBytesSpilled() for each in ran),
    )


def _jobs_and_stages(session: Session) -> tuple[list[Any], list[Any]]:
    """What Spark keeps of its last thousand jobs and stages."""
    context = session.spark.sparkContext
    context._jsc.sc().listenerBus().waitUntilEmpty()
    store = context._jsc.sc().statusStore()
    quantiles = context._gateway.new_array(context._jvm.double, 0)
    stages = store.stageList(None, False, False, quantiles, None)
    return _listed(store.jobsList(None)), _listed(stages)


def _listed(sequence: Any) -> list[Any]:
    iterator = sequence.iterator()
    found = []
    while iterator.hasNext():
        found.append(iterator.next())
    return found
