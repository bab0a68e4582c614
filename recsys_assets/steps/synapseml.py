"""What SynapseML's learners are given: one vector per row, and the cores of an executor."""

from collections.abc import Sequence

from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from recsys_assets.steps.workers import on_one_machine


def vector_of(names: Sequence[str]) -> Column:
    """Columns as one vector, NaN where a value is missing.

    An array is made by compiled code; VectorAssembler boxes every value, which takes a second more
    for a million rows.
    """
    values = [f"coalesce(cast(`{name}` AS double), double('NaN'))" for name in names]
    return array_to_vector(F.expr(f"array({', '.join(values)})"))


def cores_per_executor(spark: SparkSession) -> int:
    """Cores that one executor may use; all cores where Spark runs in one process."""
    context = spark.sparkContext
    if on_one_machine(spark):
        return context.defaultParallelism
    return int(context.getConf().get("spark.executor.cores") or 1)
