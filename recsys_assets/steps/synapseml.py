"""SynapseML's learners: what they are given, and how they are fitted where executors may die."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from recsys_assets.steps.workers import on_one_machine

_LOG = logging.getLogger(__name__)
ATTEMPTS = 3
"""How often trees are begun in all, if executors die of which they grow."""
DATABRICKS = "spark.databricks.clusterUsageTags.clusterId"
"""Set on a cluster of Databricks, be it of one machine: its Spark is not the one pinned here."""


class Learner(Protocol):
    """One of SynapseML's learners of LightGBM."""

    def fit(self, dataset: DataFrame) -> Any:
        """Grow the trees."""


def fit_trees(learner: Learner, rows: DataFrame) -> str:
    """Grow trees; LightGBM's own text of them.

    The executors that grow trees together are one network. Where one of them dies the others
    cannot go on, and Spark's next attempt of its task finds nobody to talk to; so all of it is
    begun again with the executors there are.

    Raises:
        Py4JJavaError: it failed with all executors alive, or `ATTEMPTS` times.
    """
    spark, attempt = rows.sparkSession, 1
    while True:
        before = executors(spark)
        try:
            return str(learner.fit(rows).getNativeModel())
        except Py4JJavaError:
            dead = before - executors(spark)
            if attempt == ATTEMPTS or not dead:
                raise
        _LOG.warning("executor %s died: its trees are begun again", ", ".join(sorted(dead)))
        attempt += 1


def executors(spark: SparkSession) -> set[str]:
    """Address of each executor, and of the driver, that Spark knows to be alive."""
    tracker: Any = spark.sparkContext._jsc.sc().statusTracker()
    return {f"{about.host()}:{about.port()}" for about in tracker.getExecutorInfos()}


def vector_of(spark: SparkSession, names: Sequence[str]) -> Column:
    """Columns as one vector, NaN where a value is missing.

    An array is made by compiled code, where VectorAssembler boxes every value. Spark's way from an
    array to a vector boxes it too; so on this machine, whose Spark is known, the vector's own parts
    are put together and called a vector: 0.6 s less for 0.8 million rows of 66.
    """
    values = [f"coalesce(cast(`{name}` AS double), double('NaN'))" for name in names]
    array = f"array({', '.join(values)})"
    if not on_one_machine(spark) or spark.conf.get(DATABRICKS, ""):
        # Imported late: it brings pandas along.
        from pyspark.ml.functions import array_to_vector

        return array_to_vector(F.expr(array))
    nothing = "'size', cast(NULL AS int), 'indices', cast(NULL AS array<int>)"
    return _called_vector(spark, F.expr(f"named_struct('type', 1Y, {nothing}, 'values', {array})"))


def _called_vector(spark: SparkSession, parts: Column) -> Column:
    """A dense vector's parts, as Spark lays them out in a row, under the type of vectors.

    Spark has no cast to it. Its expression for calling a method says of which type the answer is;
    the method here copies the parts.
    """
    jvm: Any = spark._jvm
    types = jvm.org.apache.spark.ml.linalg.SQLDataTypes
    calling = jvm.org.apache.spark.sql.catalyst.expressions.objects.Invoke
    none = jvm.PythonUtils.toSeq([])
    vector = calling(parts._jc.expr(), "copy", types.VectorType(), none, none, True, True, True)
    return Column(jvm.org.apache.spark.sql.Column(vector))


def cores_per_executor(spark: SparkSession) -> int:
    """Cores that one executor may use; all cores where Spark runs in one process."""
    context = spark.sparkContext
    if on_one_machine(spark):
        return context.defaultParallelism
    return int(context.getConf().get("spark.executor.cores") or 1)
