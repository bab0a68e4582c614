"""SynapseML boosts trees on the training features of clicks.

The settings follow measurements on two cores. Streaming keeps no copy of the rows in the JVM; rows
are pushed two thousand at once, since the default of a hundred wakes the native threads too often.
One native data set per executor, its trees grown by as many threads as the executor has cores,
beats one per task. Deterministic histograms, summed by row, make the same table give the same
trees.
"""

from typing import Self

from pydantic import Field
from pyspark.sql import DataFrame

from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.encode import feature_names
from recsys_assets.steps.sweeps.best_params import SweptParams
from recsys_assets.steps.synapseml import cores_per_executor, fit_trees, vector_of


class BoostingParams(SweptParams):
    """Settings of LightGBM."""

    trees: int = Field(default=200, ge=1)
    """Trees that are grown; fewer are kept if the validation part says so."""
    leaves: int | None = Field(default=None, ge=2)
    """Leaves of a tree; if None, as many as the training rows can carry."""
    learning_rate: float = Field(default=0.1, gt=0)
    """Share of a tree's correction that is taken."""
    min_data_in_leaf: int = Field(default=100, ge=1)
    """Least training rows of a leaf."""
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    """Share of the features that each tree may use."""
    lambda_l2: float = Field(default=10.0, ge=0)
    """Weight of the penalty on the values of leaves."""
    bin_sample: int = Field(default=10_000, ge=1_000)
    """Training rows from which the bins of the features are derived: the first of the table."""
    seed: int = Field(default=42, ge=0)
    """Draws the features of each tree."""

    def for_rows(self, rows: int) -> Self:
        """The settings with a number of leaves that suits the number of training rows.

        A fiftieth of the root of the rows, 6 to 31: what single columns say is in the margin
        already, so that the trees only have to find what several say together.
        """
        leaves = min(max(round(rows**0.5 / 50), 6), 31)
        return self if self.leaves else self.model_copy(update={"leaves": leaves})

    def settled_leaves(self) -> int:
        """Leaves of a tree.

        Raises:
            ValueError: their number is open.
        """
        if self.leaves is None:
            raise ValueError("the number of leaves is open: settle it with `for_rows`")
        return self.leaves

    def native(self) -> dict[str, int | float | str | bool]:
        """The same settings in LightGBM's own words."""
        return {
            "objective": "binary",
            "num_leaves": self.settled_leaves(),
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
            "bin_construct_sample_cnt": self.bin_sample,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


def boost(rows: DataFrame, params: BoostingParams) -> str:
    """Grow the trees; LightGBM's own text of them.

    Args:
        rows: features and labels of training rows.
        params: settings, the number of leaves settled.
    """
    # Imported late: it needs the session's jars.
    from synapse.ml.lightgbm import LightGBMClassifier

    spark, names = rows.sparkSession, feature_names()
    cores = cores_per_executor(spark)
    classifier = LightGBMClassifier(
        objective="binary",
        featuresCol="features",
        labelCol=LABEL,
        slotNames=names,
        numIterations=params.trees,
        numLeaves=params.settled_leaves(),
        learningRate=params.learning_rate,
        minDataInLeaf=params.min_data_in_leaf,
        featureFraction=params.feature_fraction,
        lambdaL2=params.lambda_l2,
        binSampleCount=params.bin_sample,
        seed=params.seed,
        deterministic=True,
        dataTransferMode="streaming",
        microBatchSize=2_000,
        matrixType="dense",
        # By default it keeps a share of the sample that falls with the table: 876 rows of 50,000
        # where there are 3.2 million.
        samplingMode="fixed",
        # Each task pushes its rows by one thread. Pools of several would live on, and where OpenMP
        # counts more threads than cores, those that grow the trees go to sleep between their many
        # short loops: a third more time.
        numThreads=1,
        passThroughArgs=f"force_row_wise=true num_threads={cores}",
    )
    return fit_trees(classifier, rows.select(LABEL, vector_of(spark, names).alias("features")))
