"""Ranking metrics of all users: this project's kernel against `recommenders` on Spark, in turn.

    python benchmarks/ranking_metrics.py --peer-python ENV/bin/python --users 138000

Both read the same lists and the same held-out rows from Parquet files and print precision, recall,
MAP and nDCG at 10; the seconds are those of reading and measuring, sessions being open already.
Prints medians, spread and the ratio.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from figures import print_faster, print_line, spread

from recsys_assets.kernels.metrics.ranking import mean_ranking, ranking_by_user

ITEMS, HELD_OUT, K = 27_000, 20, 10
"""Items to choose from, held-out rows of a user, length of the lists."""

PEER = """
import json, sys, time
from pyspark.sql import SparkSession
from recommenders.evaluation.spark_evaluation import SparkRankingEvaluation
folder, k = sys.argv[1], int(sys.argv[2])
spark = SparkSession.builder.master("local[*]").config("spark.driver.memory", "6g").getOrCreate()
spark.range(10).count()
started = time.perf_counter()
truth = spark.read.parquet(f"{folder}/truth.parquet")
lists = spark.read.parquet(f"{folder}/lists.parquet")
judge = SparkRankingEvaluation(
    truth, lists, k=k, col_user="user", col_item="item", col_rating="rating",
    col_prediction="score", relevancy_method="top_k",
)
values = [judge.precision_at_k(), judge.recall_at_k(), judge.map(), judge.ndcg_at_k()]
print(json.dumps({"seconds": time.perf_counter() - started, "values": values}))
"""


def main() -> None:
    """Measure both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-python", type=Path, help="where `recommenders` is installed")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_lists(folder, options.users)
        for _ in range(options.repeats):
            sides = {"ours": measure(folder)}
            if options.peer_python:
                sides["peer"] = measure_peer(folder, options.peer_python.absolute())
            for side, (spent, values) in sides.items():
                seconds[side].append(spent)
                print(f"  {side}: {spent:.2f} s, {[round(value, 6) for value in values]}")
    what = f"ranking metrics at {K} of {options.users:,} users"
    if options.peer_python:
        print_faster(
            what, seconds["ours"], "`recommenders` on Spark", seconds["peer"], "at least 20"
        )
    else:
        print_line(what, spread(seconds["ours"]))


def draw_lists(folder: Path, users: int) -> None:
    """Lists and held-out rows, both leaning towards the same popular items."""
    rng = np.random.default_rng(1)
    for name, width in (("lists", K), ("truth", HELD_OUT)):
        items = np.minimum(rng.pareto(0.6, (users, width)) * 20, ITEMS - 1).astype(np.int32)
        rows = pl.DataFrame(
            {
                "user": np.repeat(np.arange(users, dtype=np.int32), width),
                "item": items.ravel(),
                "rating": np.ones(items.size, np.float32),
                "score": np.tile(np.arange(width, 0, -1, dtype=np.float32), users),
            }
        )
        once = rows.unique(["user", "item"], keep="first", maintain_order=True)
        once.write_parquet(folder / f"{name}.parquet")


def measure(folder: Path) -> tuple[float, list[float]]:
    """Seconds and means of this side."""
    started = time.perf_counter()
    truth = pl.read_parquet(folder / "truth.parquet", columns=["user", "item"])
    lists = pl.read_parquet(folder / "lists.parquet", columns=["user", "item", "score"])
    rank = pl.col("score").rank("ordinal", descending=True).over("user").cast(pl.Int32)
    means = mean_ranking(ranking_by_user(lists.with_columns(rank=rank), truth, K))
    names = ("precision_at_k", "recall_at_k", "map", "ndcg_at_k")
    return time.perf_counter() - started, [means[name] for name in names]


def measure_peer(folder: Path, python: Path) -> tuple[float, list[float]]:
    """The same of the peer, in a process of its own."""
    done = subprocess.run(
        [str(python), "-c", PEER, str(folder), str(K)],
        env={**os.environ, "PYSPARK_PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the peer failed:\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return answer["seconds"], answer["values"]


if __name__ == "__main__":
    main()
