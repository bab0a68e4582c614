"""ALS on Spark's workers: blocks of rows stay with them, vectors go out and come back.

    ratings of each side, cut into blocks -> broadcast once
    vectors of both sides -> broadcast -> each block's new vectors -> driver, in turn for each side

All tasks alternate together, since a Spark job takes longer to start than small blocks to solve.
What is smaller still is not cut at all, and nothing is where all workers are on one machine: one
worker fits the whole model, in a single job.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from pyspark import Broadcast, SparkContext
from pyspark.sql import SparkSession
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, cut_evenly, fit_factors
from recsys_assets.kernels.top_k import Floats
from recsys_assets.steps.workers import map_items, on_one_machine

LARGEST_WHOLE = 200_000_000
"""Ratings times length of a vector, over all tasks, up to which a cluster fits each in one worker.

Up to there blocks took twice as long on two cores; beyond, many cores gain more from blocks than
the jobs cost.
"""


@dataclass(frozen=True)
class Task:
    """One model to fit."""

    objective: Objective
    values: csr_matrix
    """Users × items: what is fitted."""


@dataclass(frozen=True)
class _Block:
    """Some rows of one side."""

    start: int
    end: int
    values: "Broadcast[dict[str, csr_matrix]]"
    """Of every task."""


@dataclass(frozen=True)
class _Round:
    """What a task's blocks need to know to be solved."""

    objective: Objective
    fixed: Floats
    own: Floats
    gram: Floats

    @classmethod
    def of(cls, objective: Objective, fixed: Floats, own: Floats) -> "_Round":
        """A round with what all of its rows share."""
        return cls(objective, fixed, own, objective.gram(fixed))


Fitted = dict[str, tuple[Floats, Floats]]
"""Task → vectors of users and of items."""


def fit_in_workers(
    spark: SparkSession, tasks: Mapping[str, Task], iterations: int, steps: int, seed: int
) -> Fitted:
    """User and item vectors of each task: those of `fit_in_blocks`, by the faster way."""
    context, local = spark.sparkContext, on_one_machine(spark)
    work = sum(task.values.nnz * task.objective.rank for task in tasks.values())
    if not local and work > LARGEST_WHOLE:
        return fit_in_blocks(spark, tasks, iterations, steps, seed)
    names = list(tasks)
    shared = {name: context.broadcast(task) for name, task in tasks.items()}
    # Where there is no other machine, each worker may use all cores; what ends first leaves them
    # to the others.
    threads = context.defaultParallelism if local else 1

    def fit(name: str) -> Iterator[tuple[Floats, Floats]]:
        task = shared[name].value
        yield fit_factors(task.values, task.objective, iterations, seed, steps, threads)

    answers = map_items(spark, names, fit)
    for task in shared.values():
        task.destroy()
    return {names[number]: vectors for number, vectors in answers}


def fit_in_blocks(
    spark: SparkSession,
    tasks: Mapping[str, Task],
    iterations: int,
    steps: int,
    seed: int,
    on_iteration: Callable[[int, Fitted], None] = lambda number, fitted: None,
) -> Fitted:
    """User and item vectors of each task.

    Args:
        spark: the session whose workers solve.
        tasks: matrices of the same shape by name.
        iterations: alternations between users and items.
        steps: conjugate gradient steps in each alternation.
        seed: start of the vectors.
        on_iteration: told of the vectors after each alternation, the first being 1; what it raises
            ends the fit.
    """
    context = spark.sparkContext
    sides = [
        _share_blocks(context, {name: task.values for name, task in tasks.items()}),
        _share_blocks(context, {name: task.values.T.tocsr() for name, task in tasks.items()}),
    ]
    vectors = {
        name: [
            task.objective.start(count, seed + side) for side, count in enumerate(task.values.shape)
        ]
        for name, task in tasks.items()
    }
    try:
        for number in range(1, iterations + 1):
            for side in (0, 1):
                rounds = {
                    name: _Round.of(task.objective, vectors[name][1 - side], vectors[name][side])
                    for name, task in tasks.items()
                }
                for name, solved in _solve_side(spark, sides[side], rounds, steps).items():
                    vectors[name][side] = solved
            on_iteration(number, {name: (users, items) for name, (users, items) in vectors.items()})
    finally:
        for block in (*sides[0], *sides[1]):
            block.values.destroy()
    return {name: (users, items) for name, (users, items) in vectors.items()}


def _share_blocks(context: SparkContext, values: Mapping[str, csr_matrix]) -> list[_Block]:
    """Blocks of about as many ratings each, as many as there are cores."""
    starts = next(iter(values.values())).indptr
    return [
        _Block(a, b, context.broadcast({name: matrix[a:b] for name, matrix in values.items()}))
        for a, b in cut_evenly(starts, context.defaultParallelism)
    ]


def _solve_side(
    spark: SparkSession, blocks: list[_Block], rounds: Mapping[str, _Round], steps: int
) -> dict[str, Floats]:
    shared = spark.sparkContext.broadcast(rounds)
    items = [(name, number) for name in rounds for number in range(len(blocks))]
    answers = map_items(spark, items, partial(_solve_block, shared, blocks, steps))
    shared.destroy()
    solved = {name: np.empty_like(task.own) for name, task in rounds.items()}
    for number, vectors in answers:
        name, block = items[number]
        part = blocks[block]
        solved[name][part.start : part.end] = vectors
    return solved


def _solve_block(
    shared: "Broadcast[Mapping[str, _Round]]",
    blocks: list[_Block],
    steps: int,
    item: tuple[str, int],
) -> Iterator[Floats]:
    name, number = item
    task, block = shared.value[name], blocks[number]
    own = task.own[block.start : block.end]
    yield task.objective.solve_block(block.values.value[name], task.fixed, task.gram, own, steps)
