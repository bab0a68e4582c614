"""Recommenders of the platform beside ALS and popularity, fitted on the training part.

interactions (train) + movie_features -> item_links, item_model (EASE) in the registry
-> content_model in the registry
-> rank_features, rank_model (the hybrid) in the registry
"""

import gc
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.models import ITEM_LINKS, RANK_FEATURES, ItemLinks, RankFeatures
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.plots.models import feature_importance
from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.inner import RankingRows, find_and_describe
from recsys_assets.kernels.recommenders.linear import EaseMember, strongest_links
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.kernels.recommenders.trees import grow_natively, mean_contributions
from recsys_assets.registry.packing import save_model
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.learning_data import read_content, read_training
from recsys_assets.steps.recommenders.parts import Parts
from recsys_assets.steps.recommenders.trees import grow_with_spark
from recsys_assets.steps.report import StepReport, not_landed, nothing_to_learn
from recsys_assets.steps.session import Session

ITEM_MODEL, CONTENT_MODEL, RANK_MODEL = "item_model", "content_model", "rank_model"
_EXPLAINED_USERS = 40
_EXPLAINED_ROWS = 1_000
"""Candidates of those users whose scores are taken apart: a millisecond each, for a mean."""


class RecommenderParams(StepParams):
    """Settings that the models share; all others follow from the data."""

    seed: int = Field(default=42, ge=0)
    """Draws inner splits, starts vectors and trees."""


class ItemModelParams(RecommenderParams):
    """Settings of the item-item model."""

    links: int = Field(default=20, ge=1)
    """Links of each item that the table keeps."""


def train_item_model(session: Session, params: ItemModelParams) -> StepReport:
    """Fit EASE with genres and years stacked in; its penalty is chosen by an inner split."""
    parts = _parts(session, params)
    if isinstance(parts, StepReport):
        return parts
    model = parts.single("ease")
    assert isinstance(model.member, EaseMember)
    item, rank, linked, weight = strongest_links(model.member, params.links)
    table = pl.DataFrame(
        {
            "item": model.items[item],
            "rank": rank,
            "linked_item": model.items[linked],
            "weight": weight,
        },
        schema=polars_schema(ItemLinks),
    )
    version = session.lake.write_frame(table, ITEM_LINKS)
    report = StepReport(rows={ITEM_LINKS: table.height}, versions={ITEM_LINKS: version})
    report.figures = {"penalty": parts.penalty, "items": len(model.items)}
    _register(session, ITEM_MODEL, model, params, report)
    return report


def train_content_model(session: Session, params: RecommenderParams) -> StepReport:
    """TF-IDF of genres, year and title words: it also knows movies that nobody rated."""
    parts = _parts(session, params)
    if isinstance(parts, StepReport):
        return parts
    if not session.lake.exists(MOVIE_FEATURES):
        return StepReport(skipped="no features of movies yet: nothing is known but the ratings")
    model = parts.single("content")
    rated = int((parts.catalogue.counts() > 0).sum())
    report = StepReport(
        figures={"items": len(model.items), "never_rated": len(model.items) - rated}
    )
    _register(session, CONTENT_MODEL, model, params, report)
    return report


def train_rank_model(session: Session, params: RecommenderParams) -> StepReport:
    """Rank the candidates of all members by trees that learned from inner splits of training."""
    parts = _parts(session, params)
    if isinstance(parts, StepReport):
        return parts
    model = parts.hybrid()
    table = _features(model)
    version = session.lake.write_frame(table, RANK_FEATURES)
    report = StepReport(rows={RANK_FEATURES: table.height}, versions={RANK_FEATURES: version})
    report.figures = {f"seconds ({name})": took for name, took in parts.seconds.items()}
    report.tables["What the score is made of"] = table.to_dicts()
    report.draw(
        "Contributions",
        lambda: feature_importance(
            table["feature"].to_list(), table["contribution"], "contributions"
        ),
    )
    _register(session, RANK_MODEL, model, params, report)
    return report


def _parts(session: Session, params: RecommenderParams) -> Parts | StepReport:
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    train = read_training(session.lake)
    if train.stars.nnz < 2:  # one rating tells nothing apart
        return nothing_to_learn()

    def grow(rows: RankingRows) -> list[str]:
        if len(rows.counts) < session.spark.sparkContext.defaultParallelism:
            return grow_natively(rows, params.seed)
        return grow_with_spark(session, rows, params.seed)

    return Parts(train, read_content(session.lake), params.seed, grow)


def _features(model: Hybrid) -> pl.DataFrame:
    """What each feature adds to the scores of some users' candidates."""
    known = len(model.catalogue.users)
    histories = model.catalogue.train.part(_spread(known, _EXPLAINED_USERS))
    found = find_and_describe(model.members, histories, model.facts)
    rows = _spread(len(found.features), _EXPLAINED_ROWS)
    shares = mean_contributions(model.rankers, model.features_of(found)[rows])
    weights = dict(zip(model.members, model.weights.tolist(), strict=True))
    table = [(name, share, weights.get(name)) for name, share in shares.items()]
    return pl.DataFrame(table, schema=polars_schema(RankFeatures), orient="row")


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most so many places of a sequence, at even distances from its first to its last."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)


def _register(
    session: Session,
    name: str,
    model: SingleMember | Hybrid,
    params: RecommenderParams,
    report: StepReport,
) -> None:
    """Log the run and its model, and say in the report where."""
    # Imported late: MLflow takes a second, and every process would load it.
    from recsys_assets.registry.answers import request_for
    from recsys_assets.registry.recommenders import RecommenderModel

    with tempfile.TemporaryDirectory() as folder:
        path = save_model(model, Path(folder) / "recommender.npz")
        logged = session.registry.log(
            name,
            RecommenderModel(),
            {"recommender": path},
            request_for(model.catalogue.users[:3]),
            params=params.model_dump(),
            metrics={"users": len(model.catalogue.users), "items": len(model.items)},
            plots=report.plots,
            tags={
                "dagster/run_id": session.run_id,
                "table/interactions": str(session.lake.version(INTERACTIONS)),
            },
        )
    # MLflow leaves exceptions that it caught in circles, and with them the frames of its callers:
    # gigabytes of members, until Python looks for circles of its own accord.
    gc.collect()
    report.figures["model_version"] = logged.version
    report.links["MLflow run"] = logged.link
