"""What each step costs Spark: jobs, stages, tasks, bytes shuffled and spilled, rows read.

Counts do not vary with the machine as seconds do. A step that starts to cost more fails here; where
that is meant, write its new figures down.
"""

import datetime
from dataclasses import astuple
from pathlib import Path

import polars as pl
import pytest
from pydantic import BaseModel

from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.features import tables
from recsys_assets.steps.features.tables import (
    SplitParams,
    build_interactions,
    build_movie_features,
)
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.publication.similar_items import SimilarItemsParams, find_similar_items
from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session, Step
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets.synthetic.movielens import MovieLensSize, generate_movies, generate_ratings
from recsys_assets_tests.servers.spark_counts import Cost, cost_since, last_ids

DATE = datetime.date(2026, 1, 1)
SIZE = MovieLensSize(users=100, movies=200, ratings=4_000)


def _split_many(session: Session, params: SplitParams) -> StepReport:
    """`build_interactions` as it does it with more ratings than one process should hold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "LARGEST_HERE", 0)
        return build_interactions(session, params)


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
    ("interactions", build_interactions, SplitParams(), NOTHING),
    ("interactions, many", _split_many, SplitParams(), Cost(2, 2, 3, 58, 4000)),
    ("movie features", build_movie_features, NoParams(), Cost(5, 5, 6, 27, 4400)),
    ("ALS", train_als, ALSParams(rank=8, iterations=3), Cost(1, 1, 2, 0, 0)),
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
        before = last_ids(session.spark)
        report = step(session, params)
        assert not report.failed
        assert not report.skipped
        cost = cost_since(session.spark, *before)
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
