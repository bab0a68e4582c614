"""SynapseML grows the trees that rank candidates, from the rows of the inner splits.

Bulk mode, since streaming fails for the ranker; the lists are kept together in one partition each.
Rows reach the JVM as Arrow batches, a column for each feature.
"""

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from recsys_assets.kernels.recommenders.inner import RankingRows
from recsys_assets.kernels.recommenders.trees import KINDS, SETTINGS, TRUNCATION
from recsys_assets.steps.synapseml import cores_per_executor, vector_of


def grow_with_spark(spark: SparkSession, rows: RankingRows, seed: int) -> list[str]:
    """Both kinds of trees; LightGBM's own texts."""
    frame = _frame(spark, rows).persist()
    try:
        return [_grow(frame, kind, rows.names, seed) for kind in KINDS]
    finally:
        frame.unpersist()


def _frame(spark: SparkSession, rows: RankingRows) -> DataFrame:
    lists = np.repeat(np.arange(len(rows.counts), dtype=np.int32), rows.counts)
    table = pd.DataFrame(rows.features, columns=list(rows.names))
    table["list"], table["label"] = lists, rows.labels.astype(np.float64)
    frame = spark.createDataFrame(table)
    parts = spark.sparkContext.defaultParallelism
    ordered = frame.repartition(parts, "list").sortWithinPartitions("list")
    return ordered.select("list", "label", vector_of(rows.names).alias("features"))


def _grow(frame: DataFrame, kind: str, names: tuple[str, ...], seed: int) -> str:
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
        "numThreads": cores_per_executor(frame.sparkSession),
    }
    if kind == "lambdarank":
        truncation = f"force_row_wise=true lambdarank_truncation_level={TRUNCATION}"
        learner = LightGBMRanker(
            **common,
            groupCol="list",
            repartitionByGroupingColumn=True,
            passThroughArgs=truncation,
        )
    else:
        learner = LightGBMClassifier(
            **common, objective=kind, passThroughArgs="force_row_wise=true"
        )
    return str(learner.fit(frame).getNativeModel())
