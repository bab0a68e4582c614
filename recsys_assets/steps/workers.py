"""Running a kernel over work items in Spark's Python workers."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def on_one_machine(spark: SparkSession) -> bool:
    """Whether all workers share this machine's cores."""
    return str(spark.sparkContext.master).startswith("local")


def start_workers(spark: SparkSession) -> None:
    """Let Spark start the process its workers come from; nobody has to wait for it here.

    Only a program that ends waits: Spark would tell of a task that was broken off.
    """
    threading.Thread(target=_start_workers, args=(spark,), daemon=False).start()


def _start_workers(spark: SparkSession) -> None:
    with suppress(Exception):  # told by the first step that needs a worker
        spark.sparkContext.parallelize([0], 1).map(abs).collect()


def map_items(
    spark: SparkSession, items: list[Item], function: Callable[[Item], Iterable[Answer]]
) -> list[tuple[int, Answer]]:
    """What a function yields for each item, in the order of the items.

    There is one task per core, and the items are dealt out to the tasks in turn. Nothing but Python
    values passes through the JVM, so this goes by an RDD: the first query on a data frame takes the
    JVM five seconds longer.

    Args:
        spark: the session whose workers do it.
        items: what is to be worked on; sent to the workers by pickle, so keep them small.
        function: importable by the workers; its answers are few and small: tables go to files.

    Returns:
        Number of the item and answer.

    Raises:
        PythonException: the function failed in a worker; the text has its traceback.
    """
    if not items:
        return []
    context = spark.sparkContext
    tasks = min(len(items), context.defaultParallelism)

    def work(numbers: Iterable[int]) -> Iterator[tuple[int, Answer]]:
        for task in numbers:
            for number in range(task, len(items), tasks):
                yield from ((number, answer) for answer in function(items[number]))

    try:
        answers = context.parallelize(range(tasks), tasks).mapPartitions(work).collect()
    except Py4JJavaError as error:
        failure = error.java_exception
        raise PythonException(str((failure.getCause() or failure).getMessage())) from None
    return sorted(answers, key=lambda answer: answer[0])
