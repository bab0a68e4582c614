"""ALS and the lists of all users: this project, `implicit` in one process, Spark ML, in turn.

    python benchmarks/als.py --size 20m --rank 32 --iterations 15

All three learn from one matrix of generated ratings in memory, in one process with one open Spark
session, and are judged by ratings kept apart. This side fits whole, as it does on one machine, and
in blocks, as on a cluster. `implicit` weighs its penalty per user and item and not per rating, so
its setting differs. Lists: the ten best items of every user without those they rated, on this side
with the reason for each; Spark's `recommendForAllUsers` leaves none out. Prints medians, spread and
ratios.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from figures import print_faster, print_line, print_slower
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.topk import topk
from opening import open_session
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame, SparkSession
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recsys_assets.home import Home
from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.metrics.ranking import ranking_by_user
from recsys_assets.kernels.recommending import TopKTask
from recsys_assets.kernels.vectors import Vectors
from recsys_assets.steps.als.blocks import Task, fit_in_blocks, fit_in_workers
from recsys_assets.steps.publication.top_k import list_all_users
from recsys_assets.steps.session import Session
from recsys_assets.synthetic.movielens import SIZES, generate_movies, generate_ratings

TEST_SHARE, K, SEED = 0.1, 10, 1
"""Share of the ratings that judge, length of the lists, start of everything drawn."""


def main() -> None:
    """Measure all sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", choices=sorted(SIZES), default="20m")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-spark-ml", action="store_true", help="it takes minutes")
    options = parser.parse_args()
    train, test = generate(options.size)
    print(f"{train.nnz:,} ratings of {train.shape[0]:,} users and {train.shape[1]:,} items to fit")
    seconds: dict[str, list[float]] = defaultdict(list)
    quality: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(Home(root=Path(folder)))
        # Starts Spark's workers and compiles the kernel.
        fit_in_blocks(session.spark, {"few": Task(Objective(8, 0.1, 0.6), train[:500])}, 1, 3, SEED)
        for _ in range(options.rounds):
            measure(session, train, test, options, seconds, quality)
        session.spark.stop()
    fit = f"ALS, {options.size} ratings, rank {options.rank}, {options.iterations} iterations"
    lists = f"lists of {K} unseen items, {train.shape[0]:,} users"
    ours = {"fit": seconds["fit, workers"], "lists": seconds["lists, workers"]}
    print_slower(fit, ours["fit"], "`implicit`", seconds["fit, implicit"], "at most 1.6")
    print_slower(
        lists, ours["lists"], "`implicit`'s `topk`", seconds["lists, implicit"], "at most 1"
    )
    if not options.without_spark_ml:
        print_faster(fit, ours["fit"], "Spark ML", seconds["fit, Spark ML"], "at least 6")
        in_blocks = f"{fit}, in blocks as on a cluster"
        print_faster(in_blocks, seconds["fit, blocks"], "Spark ML", seconds["fit, Spark ML"])
        theirs = seconds["lists, Spark ML without a mask"]
        print_faster(lists, ours["lists"], "`recommendForAllUsers`, no mask", theirs, "at least 5")
    figures = (f"{quality['workers']:.4f}", f"`implicit` {quality['implicit']:.4f}")
    print_line(f"nDCG@{K} of these lists", *figures, bar="equal or better")


def generate(size: str) -> tuple[csr_matrix, csr_matrix]:
    """Users × items to fit, and to judge by."""
    movies = generate_movies(SIZES[size], SEED)
    ratings = generate_ratings(SIZES[size], SEED, movies)
    user, item = (
        ratings[column].rank("dense").to_numpy().astype(np.int32) - 1
        for column in ("userId", "movieId")
    )
    stars = ratings["rating"].to_numpy().astype(np.float32)
    apart = np.random.default_rng(SEED).random(len(stars)) < TEST_SHARE
    shape = (int(user.max()) + 1, int(item.max()) + 1)
    train, test = (
        csr_matrix((stars[rows], (user[rows], item[rows])), shape) for rows in (~apart, apart)
    )
    return train, test


def measure(
    session: Session,
    train: csr_matrix,
    test: csr_matrix,
    options: argparse.Namespace,
    seconds: dict[str, list[float]],
    quality: dict[str, float],
) -> None:
    """One round of all sides."""

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = work()
        seconds[name].append(time.perf_counter() - started)
        print(f"  {name}: {seconds[name][-1]:.1f} s", flush=True)
        return done

    objective = Objective(options.rank, 0.1, 0.6)
    task = {"it": Task(objective, train)}
    as_here = (session.spark, task, options.iterations, 3, SEED)
    ours = timed("fit, workers", lambda: fit_in_workers(*as_here)["it"])
    timed("fit, blocks", lambda: fit_in_blocks(*as_here))
    ids = [np.arange(count, dtype=np.int32) for count in train.shape]
    lists = TopKTask(Vectors(ids[0], ids[1], *ours), train, K)
    found = timed("lists, workers", lambda: list_all_users(session, lists))
    quality["workers"] = mean_ndcg(found.sort("user", "rank"), test)
    cores = os.cpu_count() or 1
    model = AlternatingLeastSquares(
        factors=options.rank,
        regularization=0.1 * train.nnz / train.shape[0],
        alpha=objective.alpha,
        iterations=options.iterations,
        num_threads=cores,
        random_state=SEED,
    )
    with threadpool_limits(1, "blas"):
        timed("fit, implicit", lambda: model.fit(train, show_progress=False))
    timed(
        "lists, implicit",
        lambda: topk(
            model.item_factors, model.user_factors, K, filter_query_items=train, num_threads=cores
        ),
    )
    theirs = TopKTask(Vectors(ids[0], ids[1], model.user_factors, model.item_factors), train, K)
    quality["implicit"] = mean_ndcg(list_all_users(session, theirs).sort("user", "rank"), test)
    if not options.without_spark_ml:
        frame = as_frame(session.spark, train)
        spark_model = timed("fit, Spark ML", lambda: fit_spark_ml(frame, objective, options))
        timed("lists, Spark ML without a mask", lambda: spark_lists(spark_model))


def fit_spark_ml(frame: DataFrame, objective: Objective, options: argparse.Namespace) -> ALSModel:
    """Spark ML's ALS, with as many blocks as cores."""
    cores = os.cpu_count() or 1
    als = ALS(
        rank=objective.rank,
        regParam=objective.regularization,
        implicitPrefs=True,
        alpha=objective.alpha or 1.0,
        maxIter=options.iterations,
        seed=SEED,
        numUserBlocks=cores,
        numItemBlocks=cores,
    )
    return als.fit(frame)


def as_frame(spark: SparkSession, ratings: csr_matrix) -> DataFrame:
    """The same ratings for Spark ML, cached."""
    pairs = ratings.tocoo()
    table = pl.DataFrame({"user": pairs.row, "item": pairs.col, "rating": pairs.data})
    with tempfile.TemporaryDirectory() as folder:
        table.write_parquet(f"{folder}/ratings.parquet", row_group_size=1 << 20)
        frame = spark.read.parquet(folder).repartition(os.cpu_count() or 1).cache()
        frame.count()
    return frame


def spark_lists(model: ALSModel) -> None:
    """Spark ML's lists, computed to the end and thrown away."""
    model.recommendForAllUsers(K).write.format("noop").mode("overwrite").save()


def mean_ndcg(lists: pl.DataFrame, test: csr_matrix) -> float:
    """Mean over users with test ratings, every one of them relevant."""
    pairs = test.tocoo()
    truth = pl.DataFrame({"user": pairs.row, "item": pairs.col}).cast(pl.Int32)
    judged = ranking_by_user(lists.select("user", "item", "rank", "score"), truth, K)
    return float(judged["ndcg_at_k"].mean() or 0.0)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
