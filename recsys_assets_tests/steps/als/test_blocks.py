"""The workers' solver against one process and against Spark ML's ALS."""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.steps.als import blocks
from recsys_assets.steps.als.blocks import (
    Fitted,
    Task,
    fit_in_blocks,
    fit_in_workers,
)
from recsys_assets.steps.als.spark_ml import fit_with_spark
from recsys_assets_tests.kernels.losses import loss
from recsys_assets_tests.servers.spark_counts import last_ids
from recsys_assets_tests.steps.tables import random_interactions

RANKING, RATING = Objective(4, 0.1, 0.7), Objective(4, 0.1)


@pytest.fixture(scope="module")
def ratings() -> list[tuple[int, int, float]]:
    return [(user, item, stars) for user, item, stars, *_ in random_interactions(share=0.5)]


@pytest.fixture(scope="module")
def values(ratings: list[tuple[int, int, float]]) -> csr_matrix:
    user, item, stars = (np.array(column) for column in zip(*ratings, strict=True))
    return csr_matrix((stars.astype(np.float32), (user - 1, item - 1)))


def test_workers_find_what_one_process_finds(spark: SparkSession, values: csr_matrix) -> None:
    tasks = {
        "ranking": Task(Objective(6, 0.1, 0.7), values),
        "rating": Task(Objective(3, 0.2), values),
    }
    in_blocks = fit_in_blocks(spark, tasks, iterations=4, steps=3, seed=1)
    whole = fit_in_workers(spark, tasks, iterations=4, steps=3, seed=1)
    for name, task in tasks.items():
        alone = fit_factors(values, task.objective, iterations=4, seed=1)
        for cut, uncut, theirs in zip(in_blocks[name], whole[name], alone, strict=True):
            np.testing.assert_allclose(cut, theirs, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(uncut, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("local", "largest", "jobs"), [(False, 0, 8), (False, 1_000_000, 1), (True, 0, 1)]
)
def test_only_what_is_large_is_cut_into_blocks_for_a_cluster(
    spark: SparkSession,
    values: csr_matrix,
    monkeypatch: pytest.MonkeyPatch,
    local: bool,
    largest: int,
    jobs: int,
) -> None:
    monkeypatch.setattr(blocks, "LARGEST_WHOLE", largest)
    monkeypatch.setattr(blocks, "on_one_machine", lambda spark: local)
    _, stage = last_ids(spark)
    fit_in_workers(spark, {"ranking": Task(RANKING, values)}, iterations=4, steps=3, seed=1)
    assert last_ids(spark)[1] - stage == jobs


def test_vectors_on_the_way_are_those_of_a_shorter_fit(
    spark: SparkSession, values: csr_matrix
) -> None:
    class Enough(Exception):
        """Two are enough."""

    tasks, seen = {"ranking": Task(RANKING, values)}, []

    def watch(number: int, fitted: Fitted) -> None:
        seen.append(fitted["ranking"])
        if number == 2:
            raise Enough

    with pytest.raises(Enough):
        fit_in_blocks(spark, tasks, iterations=4, steps=3, seed=1, on_iteration=watch)
    shorter = fit_in_blocks(spark, tasks, iterations=2, steps=3, seed=1)["ranking"]
    assert len(seen) == 2
    for ours, theirs in zip(seen[1], shorter, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("objective", [RANKING, RATING], ids=["ranking", "rating"])
def test_spark_ml_solves_the_same_equations(
    spark: SparkSession,
    ratings: list[tuple[int, int, float]],
    values: csr_matrix,
    objective: Objective,
) -> None:
    """Spark ML solves for users last, so its users are what we find from its items."""
    frame = spark.createDataFrame(ratings, ["user", "item", "rating"])
    users, items = fit_with_spark(frame, objective, iterations=2, seed=1)
    found = objective.solve(values, items, objective.start(len(users), 1), steps=20)
    np.testing.assert_allclose(found, users, rtol=1e-3, atol=1e-3)


def test_both_reach_the_same_loss(
    spark: SparkSession, ratings: list[tuple[int, int, float]], values: csr_matrix
) -> None:
    frame = spark.createDataFrame(ratings, ["user", "item", "rating"])
    theirs = loss(RANKING, values, *fit_with_spark(frame, RANKING, iterations=15, seed=1))
    task = {"ranking": Task(RANKING, values)}
    ours = loss(RANKING, values, *fit_in_blocks(spark, task, 15, steps=3, seed=1)["ranking"])
    assert ours == pytest.approx(theirs, rel=0.01)
