"""SynapseML grows the trees that rank candidates, from the rows of the inner splits.

    rows -> (files of whole lists) -> Spark, a partition of each -> trees

Bulk mode, since streaming fails for the ranker. Files that end where a list ends spare the ranker
its shuffle, and Spark reads their columns in half the time that rows from memory take.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from recsys_assets.contracts.models import RANK_FEATURES
from recsys_assets.kernels.boosting import threads_for
from recsys_assets.kernels.recommenders.inner import RankingRows
from recsys_assets.kernels.recommenders.trees import KINDS, SETTINGS, TRUNCATION
from recsys_assets.lake.store import remove_tree, write_parquet
from recsys_assets.steps.session import Session
from recsys_assets.steps.synapseml import cores_per_executor, fit_trees, vector_of


def grow_with_spark(session: Session, rows: RankingRows, seed: int) -> list[str]:
    """Both kinds of trees; LightGBM's own texts."""
    folder = session.lake.staging(RANK_FEATURES)
    paths = []
    for number, part in enumerate(_parts(rows, session.spark.sparkContext.defaultParallelism)):
        # Spark wants the account's name in an address, which the folder's own path does not tell.
        paths.append(f"{session.lake.uri('_staging')}/{RANK_FEATURES}/{number}.parquet")
        # One group of rows, since Spark reads a group as a whole and a list must not be cut.
        write_parquet(part, paths[-1], row_group_size=part.height, statistics=False)
    read = session.spark.read.parquet(*paths)
    frame = read.select("list", "label", vector_of(session.spark, rows.names).alias("features"))
    threads = threads_for(len(rows.features)) or cores_per_executor(session.spark)
    trees = [_grow(frame, kind, rows.names, seed, threads) for kind in KINDS]
    remove_tree(folder)
    return trees


def _parts(rows: RankingRows, count: int) -> Iterator[pl.DataFrame]:
    """All rows in parts of about the same size."""
    lists = np.repeat(np.arange(len(rows.counts), dtype=np.int32), rows.counts)
    table = pl.DataFrame(rows.features, schema=list(rows.names))
    table = table.with_columns(list=lists, label=rows.labels.astype(np.float64))
    for start, end in pairwise(_borders(rows.counts, count)):
        yield table[start:end]


def _borders(counts: NDArray[np.int64], parts: int) -> list[int]:
    """First rows of parts of about the same size, and the end of all; each begins with a list."""
    ends = np.cumsum(counts)
    evenly = np.searchsorted(ends, ends[-1] * np.arange(1, parts + 1) / parts)
    return [0, *np.unique(ends[evenly]).tolist()]


def _grow(frame: DataFrame, kind: str, names: tuple[str, ...], seed: int, threads: int) -> str:
    # Imported late: it needs the session's jars.
    from synapse.ml.lightgbm import LightGBMClassifier, LightGBMRanker

    common = {
        "featuresCol": "features",
        "labelCol": "label",
        "slotNames": list(names),
        "numIterations": SETTINGS["num_iterations"],
        "numLeaves": SETTINGS["num_leaves"],
        "learningRate": SETTINGS["learning_rate"],
        "minDataInLeaf": SETTINGS["min_data_in_leaf"],
        "lambdaL2": SETTINGS["lambda_l2"],
        "featureFraction": SETTINGS["feature_fraction"],
        "baggingFraction": SETTINGS["bagging_fraction"],
        "baggingFreq": SETTINGS["bagging_freq"],
        "seed": seed,
        "deterministic": True,
        "dataTransferMode": "bulk",
        "numThreads": threads,
    }
    if kind == "lambdarank":
        truncation = f"force_row_wise=true lambdarank_truncation_level={TRUNCATION}"
        learner = LightGBMRanker(
            **common,
            groupCol="list",
            repartitionByGroupingColumn=False,
            passThroughArgs=truncation,
        )
    else:
        learner = LightGBMClassifier(
            **common, objective=kind, passThroughArgs="force_row_wise=true"
        )
    return fit_trees(learner, frame)
