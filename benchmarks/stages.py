"""The stages of both flows on generated data, as benchmarks run them one after the other."""

import datetime
import math
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.clicks.evaluation import evaluate_click_model
from recsys_assets.steps.clicks.features import EncodingParams, encode_clicks
from recsys_assets.steps.clicks.model import ClickModelParams, train_click_model
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.features.tables import (
    SplitParams,
    build_interactions,
    build_movie_features,
)
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.publication.similar_items import SimilarItemsParams, find_similar_items
from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
from recsys_assets.steps.recommenders.models import (
    ItemModelParams,
    RecommenderParams,
    train_item_model,
    train_rank_model,
)
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session, Step
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops
from recsys_assets.synthetic.criteo import click_batches
from recsys_assets.synthetic.movielens import MovieLensSize, generate_movies, generate_ratings

DATE = datetime.date(2025, 1, 1)


def _validated(dataset: str) -> tuple[str, Step, BaseModel]:
    params = ValidationParams(dataset=dataset, dates=[DATE])
    return (f"validate {dataset}", validate_drops, params)


RATING_STAGES: list[tuple[str, Step, BaseModel]] = [
    _validated("movies"),
    _validated("ratings"),
    ("interactions", build_interactions, SplitParams()),
    ("movie_features", build_movie_features, NoParams()),
    ("als_model", train_als, ALSParams()),
    ("popularity_model", count_popularity, NoParams()),
    ("item_model", train_item_model, ItemModelParams()),
    ("rank_model", train_rank_model, RecommenderParams()),
    ("ranking_evaluation", evaluate_ranking, RankingEvaluationParams()),
    ("top_k", recommend_top_k, TopKParams()),
    ("similar_items", find_similar_items, SimilarItemsParams()),
]
CLICK_STAGES: list[tuple[str, Step, BaseModel]] = [
    _validated("clicks"),
    ("click_features", encode_clicks, EncodingParams()),
    ("click_model", train_click_model, ClickModelParams()),
    ("click_evaluation", evaluate_click_model, NoParams()),
]


def land_ratings(session: Session, folder: Path, rows: int, movies: int = 0) -> None:
    """Ratings of so many movies; MovieLens has 166 ratings a user at 1M and 144 at 20M.

    By default the catalogue grows with the root of the ratings, as from MovieLens 1M to 20M.
    """
    grown = round(3_883 * math.sqrt(rows / 1e6))
    size = MovieLensSize(users=rows // 150, movies=movies or grown, ratings=rows)
    catalogue = generate_movies(size, seed=1)
    ratings = generate_ratings(size, seed=1, movies=catalogue)
    for name, table in (("ratings", ratings), ("movies", catalogue)):
        table.write_csv(folder / f"{name}.csv")
        session.landing.land(folder / f"{name}.csv", name, DATE)


def land_clicks(session: Session, folder: Path, rows: int, movies: int = 0) -> None:
    """A log of clicks in Criteo's form; it knows no movies."""
    session.landing.land(write_clicks(folder / "clicks.tsv", rows), "clicks", DATE)


def write_clicks(file: Path, rows: int) -> Path:
    """Write so many generated clicks in Criteo's form; the file."""
    with file.open("wb") as out:
        for batch in click_batches(rows, seed=1):
            batch.write_csv(out, separator="\t", include_header=False)
    return file


Land = Callable[[Session, Path, int, int], None]
"""Puts so many rows, of so many movies, into the landing zone of a session."""
FLOWS: dict[str, tuple[Land, list[tuple[str, Step, BaseModel]]]] = {
    "ratings": (land_ratings, RATING_STAGES),
    "clicks": (land_clicks, CLICK_STAGES),
}
