"""Spark ALS on the training interactions: once to rank, once to predict stars.

    interactions (train) -> als_factors (user and item vectors of both tasks)
                         -> als_model in the registry

Ranking learns from implicit preferences (what people chose to watch, with more confidence the more
stars they gave), which ranks several times better than fitting the stars does. The stars are fitted
only to predict ratings, and of them only what the biases of user and item leave unexplained.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import ALS_FACTORS, ALSFactors
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.biases import Biases, estimate_biases
from recsys_assets.kernels.plots.scores import score_distribution
from recsys_assets.kernels.vectors import factor_lists, factor_matrix
from recsys_assets.lake.spark_files import read_table
from recsys_assets.registry.factors import FactorModel, save_factors
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session

ALS_MODEL = "als_model"


class ALSParams(BaseModel):
    """Settings of both fits."""

    rank: int = Field(default=48, ge=1)
    """Length of a vector in the ranking task."""
    iterations: int = Field(default=5, ge=1)
    """Alternations between users and items, in both tasks."""
    regularization: float = Field(default=0.2, ge=0)
    """Weight of the penalty in the ranking task; Spark multiplies it by the number of ratings."""
    alpha: float = Field(default=0.6, gt=0)
    """Confidence in a rated pair is 1 + alpha × stars."""
    rating_rank: int = Field(default=16, ge=1)
    """Length of a vector in the rating task, without the two places that hold the biases."""
    rating_regularization: float = Field(default=0.15, ge=0)
    """Weight of the penalty in the rating task; Spark multiplies it by the number of ratings."""
    bias_shrinkage: float = Field(default=5.0, ge=0)
    """Ratings' worth of weight that pulls the biases of user and item to 0 in the rating task."""
    seed: int = 42
    """Start of the factors."""


def train_als(session: Session, params: ALSParams) -> StepReport:
    """Fit both tasks, keep their factors and register the pair as one model."""
    if not session.lake.exists(INTERACTIONS):
        return StepReport(skipped="no ratings landed yet: see `recsys land --help`")
    ratings = _training_ratings(session)
    if ratings.is_empty():
        return StepReport(
            failed="the training part holds no row: raise its share, or land more ratings"
        )
    biases = estimate_biases(ratings, params.bias_shrinkage)
    factors = pl.concat(_fit(session, params, biases)).match_to_schema(
        pl.Schema(polars_schema(ALSFactors))
    )
    version = session.lake.write_frame(factors, ALS_FACTORS)
    report = StepReport(
        rows={ALS_FACTORS: factors.height},
        versions={ALS_FACTORS: version},
        figures={"training_rows": ratings.height, **params.model_dump()},
    )
    lengths = {side: _lengths(factors, side) for side in ("user", "item")}
    report.draw("Vector lengths", lambda: score_distribution(lengths, "length of a vector"))
    _register(session, params, factors, report)
    return report


def _training_ratings(session: Session) -> pl.DataFrame:
    """Training rows in one order: sums of floats depend on it in their last digits."""
    train = session.lake.scan(INTERACTIONS).filter(split="train")
    return train.select("user", "item", "rating").sort("user", "item").collect()


def _fit(session: Session, params: ALSParams, biases: Biases) -> Iterator[pl.DataFrame]:
    """Factors of the ranking task, then of the rating task, side by side."""
    blocks = session.spark.sparkContext.defaultParallelism
    common = ALS(
        userCol="user",
        itemCol="item",
        ratingCol="rating",
        maxIter=params.iterations,
        seed=params.seed,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
    )
    interactions = read_table(session.lake, session.spark, INTERACTIONS)
    train = interactions.filter("split = 'train'").select("user", "item", "rating")
    ranking = common.copy().setRank(params.rank).setRegParam(params.regularization)
    model = ranking.setImplicitPrefs(True).setAlpha(params.alpha).fit(train)
    yield from (_factors_of("ranking", side, model) for side in ("user", "item"))
    rating = common.copy().setRank(params.rating_rank).setRegParam(params.rating_regularization)
    residual = rating.fit(_without_biases(session.spark, train, biases))
    for side in ("user", "item"):
        yield _with_biases(_factors_of("rating", side, residual), side, biases)


def _without_biases(spark: SparkSession, train: DataFrame, biases: Biases) -> DataFrame:
    """What mean and biases leave of each rating."""
    for side, table in (("user", biases.users), ("item", biases.items)):
        known = spark.createDataFrame(
            table.rename({"id": side, "bias": f"{side}_bias"}).to_pandas()
        )
        train = train.join(F.broadcast(known), side)
    left = F.col("rating") - F.col("user_bias") - F.col("item_bias") - F.lit(biases.mean)
    return train.select("user", "item", left.cast("float").alias("rating"))


def _factors_of(task: str, side: str, model: ALSModel) -> pl.DataFrame:
    collected = (model.userFactors if side == "user" else model.itemFactors).toPandas()
    frame = pl.DataFrame(collected).cast({"id": pl.Int32, "features": pl.List(pl.Float32)})
    return frame.select(task=pl.lit(task), side=pl.lit(side), id="id", factors="features").sort(
        "id"
    )


def _with_biases(factors: pl.DataFrame, side: str, biases: Biases) -> pl.DataFrame:
    """Vectors two places longer, so that the inner product of a pair is its predicted stars.

    user: (..., b_u, 1) and item: (..., 1, mean + b_i)
    """
    table = (biases.users if side == "user" else biases.items).sort("id")["bias"].to_numpy()
    ones = np.ones(len(table), np.float32)
    last = [table, ones] if side == "user" else [ones, table + np.float32(biases.mean)]
    longer = np.column_stack([factor_matrix(factors["factors"]), *last])
    return factors.with_columns(factors=factor_lists(longer))


def _lengths(factors: pl.DataFrame, side: str) -> NDArray[np.float32]:
    vectors = factors.filter(task="ranking", side=side)["factors"]
    return np.linalg.norm(factor_matrix(vectors), axis=1)


def _register(
    session: Session, params: ALSParams, factors: pl.DataFrame, report: StepReport
) -> None:
    """Log the run and its model, and say in the report where."""
    users = factors.filter(task="ranking", side="user")["id"]
    with tempfile.TemporaryDirectory() as folder:
        logged = session.registry.log(
            ALS_MODEL,
            FactorModel(),
            {"factors": save_factors(factors, Path(folder) / "factors.npz")},
            pd.DataFrame({"user": users.head(3).cast(pl.Int64).to_numpy(), "k": 10}),
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
