"""Spark ML's own ALS, for factors too many to send to every worker.

interactions -> fit in the JVM -> user and item vectors
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.biases import Biases
from recsys_assets.kernels.top_k import Floats, Ints
from recsys_assets.kernels.vectors import factor_matrix


def fit_with_spark(
    ratings: DataFrame, objective: Objective, iterations: int, seed: int
) -> tuple[Floats, Floats]:
    """User and item vectors, by ascending id.

    Args:
        ratings: user, item, rating.
        objective: what is minimized.
        iterations: alternations between users and items.
        seed: start of the vectors.
    """
    blocks = ratings.sparkSession.sparkContext.defaultParallelism
    als = ALS(
        userCol="user",
        itemCol="item",
        ratingCol="rating",
        rank=objective.rank,
        regParam=objective.regularization,
        implicitPrefs=objective.alpha is not None,
        alpha=objective.alpha or 1.0,
        maxIter=iterations,
        seed=seed,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
    )
    model = als.fit(ratings)
    return _vectors(model, "user"), _vectors(model, "item")


def without_biases(
    spark: SparkSession, ratings: DataFrame, ids: Sequence[Ints], biases: Biases
) -> DataFrame:
    """What mean and biases leave of each rating; ids of users and of items name the biases."""
    for side, of_side, bias in zip(
        ("user", "item"), ids, (biases.users, biases.items), strict=True
    ):
        known = pl.DataFrame({side: of_side, f"{side}_bias": bias}).to_pandas()
        ratings = ratings.join(F.broadcast(spark.createDataFrame(known)), side)
    left = F.col("rating") - F.col("user_bias") - F.col("item_bias") - F.lit(biases.mean)
    return ratings.select("user", "item", left.cast("float").alias("rating"))


def _vectors(model: ALSModel, side: str) -> Floats:
    collected = (model.userFactors if side == "user" else model.itemFactors).toPandas()
    frame = pl.DataFrame(collected).cast({"features": pl.List(pl.Float32)}).sort("id")
    return np.ascontiguousarray(factor_matrix(frame["features"]))
