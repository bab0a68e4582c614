"""Columns as vectors: what is put together here is what Spark's own function makes.

And trees are begun again where an executor died, and only there.
"""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.linalg import DenseVector, VectorUDT
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from recsys_assets.steps import synapseml
from recsys_assets.steps.synapseml import ATTEMPTS, DATABRICKS, fit_trees, vector_of

NAMES = ("count", "mean", "odd name")


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    """Integers, and floats of which some are missing."""
    values = spark.range(1_000).withColumn("count", F.col("id").cast("int"))
    return values.select(
        "id",
        "count",
        F.when(F.col("id") % 3 > 0, F.rand(7).cast("float")).alias("mean"),
        F.when(F.col("id") % 5 > 0, -F.col("id") / 7).alias("odd name"),
    )


@pytest.fixture(params=["here", "on a cluster"])
def made(
    spark: SparkSession, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Column:
    """The vector as it is made on this machine, and elsewhere."""
    monkeypatch.setattr(synapseml, "on_one_machine", lambda _: request.param == "here")
    return vector_of(spark, NAMES)


def test_on_databricks_spark_has_its_own_function(spark: SparkSession) -> None:
    here = str(vector_of(spark, NAMES))
    spark.conf.set(DATABRICKS, "0101-cluster")
    try:
        assert str(vector_of(spark, NAMES)) != here
    finally:
        spark.conf.unset(DATABRICKS)
    assert str(vector_of(spark, NAMES)) == here


@pytest.mark.parametrize(
    "moved", [lambda f: f, lambda f: f.repartition(3), lambda f: f.orderBy("id")]
)
def test_vectors_hold_the_columns(
    rows: DataFrame, made: Column, moved: Callable[[DataFrame], DataFrame]
) -> None:
    frame = moved(rows.select("id", *NAMES, made.alias("vector")))
    assert isinstance(frame.schema["vector"].dataType, VectorUDT)
    found = frame.collect()
    assert len(found) == 1_000
    for row in found:
        assert isinstance(row.vector, DenseVector)
        expected = [float("nan") if row[name] is None else float(row[name]) for name in NAMES]
        assert row.vector.toArray().tolist() == pytest.approx(expected, abs=0, nan_ok=True)


def test_spark_takes_them_for_its_own(rows: DataFrame, made: Column) -> None:
    again = array_to_vector(vector_to_array(made))
    told = rows.select(F.hash(made).alias("made"), F.hash(again).alias("again"))
    assert told.filter("made != again").count() == 0


class Breaking:
    """A learner whose first fits break, each with an error of the JVM's own."""

    def __init__(self, breaks: int) -> None:
        self.left = breaks
        self.fits = 0

    def fit(self, dataset: DataFrame) -> SimpleNamespace:
        self.fits += 1
        if self.fits <= self.left:
            dataset.sparkSession._jvm.java.util.Optional.empty().get()
        return SimpleNamespace(getNativeModel=lambda: "trees")


def alive(monkeypatch: pytest.MonkeyPatch, *groups: set[str]) -> None:
    """Let these executors be alive, each time that is asked; the last ones for ever."""
    left = list(groups)
    monkeypatch.setattr(
        synapseml, "executors", lambda spark: left.pop(0) if len(left) > 1 else left[0]
    )


def test_trees_are_begun_again_when_an_executor_has_died(
    rows: DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alive(monkeypatch, {"a:1", "b:1"}, {"a:1", "c:1"})
    learner = Breaking(1)
    assert fit_trees(learner, rows) == "trees"
    assert learner.fits == 2
    assert "executor b:1 died" in caplog.text


def test_an_error_with_all_executors_alive_is_an_error(rows: DataFrame) -> None:
    learner = Breaking(1)
    with pytest.raises(Py4JJavaError, match="No value present"):
        fit_trees(learner, rows)
    assert learner.fits == 1


def test_executors_that_die_each_time_are_an_error(
    rows: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive(monkeypatch, *({f"{number}:1"} for number in range(2 * ATTEMPTS)))
    learner = Breaking(ATTEMPTS)
    with pytest.raises(Py4JJavaError, match="No value present"):
        fit_trees(learner, rows)
    assert learner.fits == ATTEMPTS
