"""ALS on the training interactions: once to rank, once to predict stars.

    interactions (train) -> als_factors (user and item vectors of both tasks)
                         -> als_model in the registry

Ranking learns from implicit preferences (what people chose to watch, with more confidence the more
stars they gave), which ranks several times better than fitting the stars does. The stars are fitted
only to predict ratings, and of them only what the biases of user and item leave unexplained.
"""

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_matrix

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import ALS_FACTORS, ALSFactors
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.biases import Biases, estimate_biases
from recsys_assets.kernels.plots.scores import score_distribution
from recsys_assets.kernels.top_k import Floats, Ints
from recsys_assets.kernels.vectors import factor_lists, factor_matrix, places_of
from recsys_assets.lake.spark_files import read_table
from recsys_assets.steps.als.blocks import Task, fit_in_workers
from recsys_assets.steps.report import StepReport, not_landed, nothing_to_learn
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import SweptParams, take_over

ALS_MODEL = "als_model"


class ALSParams(SweptParams):
    """Settings of both fits."""

    rank: int = Field(default=64, ge=1)
    """Length of a vector in the ranking task."""
    iterations: int = Field(default=10, ge=1)
    """Alternations between users and items, in both tasks."""
    regularization: float = Field(default=0.2, gt=0)
    """Weight of the penalty in the ranking task, for each rating of a user or item."""
    alpha: float = Field(default=0.6, gt=0)
    """Confidence in a rated pair is 1 + alpha × stars."""
    rating_rank: int = Field(default=16, ge=1)
    """Length of a vector in the rating task, without the two places that hold the biases."""
    rating_regularization: float = Field(default=0.15, gt=0)
    """Weight of the penalty in the rating task, for each rating of a user or item."""
    bias_shrinkage: float = Field(default=5.0, ge=0)
    """Ratings' worth of weight that pulls the biases of user and item to 0 in the rating task."""
    steps: int = Field(default=3, ge=1)
    """Conjugate gradient steps of the workers' solver in each alternation."""
    solver: Literal["workers", "spark_ml"] = "workers"
    """Who fits: compiled code in Spark's Python workers, or Spark ML's ALS in the JVM."""
    largest_broadcast: int = Field(default=2 << 30, ge=0)
    """Bytes of factors that may be sent to every worker; beyond them Spark ML's ALS fits."""
    seed: int = Field(default=42, ge=0)
    """Start of the factors."""

    def objectives(self) -> dict[str, Objective]:
        """What is minimized in each task."""
        return {
            "ranking": Objective(self.rank, self.regularization, self.alpha),
            "rating": Objective(self.rating_rank, self.rating_regularization),
        }


def train_als(session: Session, params: ALSParams) -> StepReport:
    """Alternating least squares: fit factors that rank movies, and others that predict stars."""
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    ratings = _training_ratings(session)
    if ratings.is_empty():
        return nothing_to_learn()
    params, source = take_over(session, ALS_MODEL, params)
    report = StepReport(figures={"training_rows": ratings.height, **params.model_dump()})
    report.figures["params_from"] = source
    factors = _fit(session, params, ratings, report).match_to_schema(
        pl.Schema(polars_schema(ALSFactors))
    )
    report.rows[ALS_FACTORS] = factors.height
    report.versions[ALS_FACTORS] = session.lake.write_frame(factors, ALS_FACTORS)
    lengths = {side: _lengths(factors, side) for side in ("user", "item")}
    report.draw("Vector lengths", lambda: score_distribution(lengths, "length of a vector"))
    _register(session, params, factors, report)
    return report


def _training_ratings(session: Session) -> pl.DataFrame:
    """Training rows in one order: sums of floats depend on it in their last digits."""
    train = session.lake.scan(INTERACTIONS).filter(split="train")
    return train.select("user", "item", "rating").sort("user", "item").collect()


def _fit(
    session: Session, params: ALSParams, ratings: pl.DataFrame, report: StepReport
) -> pl.DataFrame:
    """Vectors of both tasks as rows of `ALSFactors`."""
    ids = [ratings[side].unique().sort().to_numpy() for side in ("user", "item")]
    places = [
        places_of(ratings[side].to_numpy(), known)[0]
        for side, known in zip(("user", "item"), ids, strict=True)
    ]
    shape = (len(ids[0]), len(ids[1]))
    stars = csr_matrix((ratings["rating"].to_numpy(), (places[0], places[1])), shape)
    biases = estimate_biases(stars, params.bias_shrinkage)
    if _choose_solver(params, sum(shape), report) == "spark_ml":
        vectors = _fit_with_spark(session, params, ids, biases)
    else:
        values = {"ranking": stars, "rating": biases.left_of(stars)}
        tasks = {n: Task(objective, values[n]) for n, objective in params.objectives().items()}
        vectors = fit_in_workers(session.spark, tasks, params.iterations, params.steps, params.seed)
    rating = _with_biases(*vectors["rating"], biases)
    return pl.concat(
        pl.DataFrame({"id": of_side, "factors": factor_lists(matrix)}).select(
            pl.lit(task).alias("task"), pl.lit(side).alias("side"), "id", "factors"
        )
        for task, pair in (("ranking", vectors["ranking"]), ("rating", rating))
        for side, of_side, matrix in zip(("user", "item"), ids, pair, strict=True)
    )


def _choose_solver(params: ALSParams, rows: int, report: StepReport) -> str:
    """The solver asked for, unless the factors are too many for every worker to hold."""
    needed = 4 * rows * (params.rank + params.rating_rank)
    if params.solver == "workers" and needed > params.largest_broadcast:
        report.figures["solver"] = (
            f"spark_ml, since the factors take {needed:,} bytes, more than the "
            f"{params.largest_broadcast:,} that may be sent to every worker"
        )
        return "spark_ml"
    return params.solver


def _fit_with_spark(
    session: Session, params: ALSParams, ids: list[Ints], biases: Biases
) -> dict[str, tuple[Floats, Floats]]:
    # Imported late: Spark's library of models takes a third of a second, and is hardly ever needed.
    from recsys_assets.steps.als.spark_ml import fit_with_spark, without_biases

    interactions = read_table(session.lake, session.spark, INTERACTIONS)
    train = interactions.filter("split = 'train'").select("user", "item", "rating")
    tables = {"ranking": train, "rating": without_biases(session.spark, train, ids, biases)}
    return {
        name: fit_with_spark(tables[name], objective, params.iterations, params.seed)
        for name, objective in params.objectives().items()
    }


def _with_biases(users: Floats, items: Floats, biases: Biases) -> tuple[Floats, Floats]:
    """Vectors two places longer, so that the inner product of a pair is its predicted stars.

    user: (..., b_u, 1) and item: (..., 1, mean + b_i)
    """
    ones = np.ones(max(len(users), len(items)), np.float32)
    return (
        np.column_stack([users, biases.users, ones[: len(users)]]),
        np.column_stack([items, ones[: len(items)], biases.items + np.float32(biases.mean)]),
    )


def _lengths(factors: pl.DataFrame, side: str) -> NDArray[np.float32]:
    vectors = factors.filter(task="ranking", side=side)["factors"]
    return np.linalg.norm(factor_matrix(vectors), axis=1)


def _register(
    session: Session, params: ALSParams, factors: pl.DataFrame, report: StepReport
) -> None:
    """Log the run and its model, and say in the report where."""
    # Imported late: MLflow takes a second, and every process would load it.
    from recsys_assets.registry.answers import request_for
    from recsys_assets.registry.factors import FactorModel, save_factors

    users = factors.filter(task="ranking", side="user")["id"]
    with tempfile.TemporaryDirectory() as folder:
        logged = session.registry.log(
            ALS_MODEL,
            FactorModel(),
            {"factors": save_factors(factors, Path(folder) / "factors.npz")},
            request_for(users.head(3)),
            params=params.model_dump(),
            metrics={
                f"{side}s": factors.filter(task="ranking", side=side).height
                for side in ("user", "item")
            },
            plots=report.plots,
            tags={
                "dagster/run_id": session.run_id,
                "table/interactions": str(session.lake.version(INTERACTIONS)),
                "table/als_factors": str(report.versions[ALS_FACTORS]),
            },
        )
    report.figures["model_version"] = logged.version
    report.links["MLflow run"] = logged.link
