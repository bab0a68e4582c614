"""Running a kernel over work items in Spark's Python workers.

Spark re-reads the directory of every zip archive on the import path and collects garbage over all
loaded modules at each task, about 60 ms of processor time a task; a worker of ours settles first.
"""

import gc
import sys
import zipimport
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def on_one_machine(spark: SparkSession) -> bool:
    """Whether all workers share this machine's cores."""
    return str(spark.sparkContext.master).startswith("local")


def settle_worker() -> None:
    """Spare this worker process the work that Spark repeats at each of its tasks."""
    gc.freeze()
    zipped = [
        path
        for path, finder in sys.path_importer_cache.items()
        if isinstance(finder, zipimport.zipimporter)
    ]
    for path in zipped:
        del sys.path_importer_cache[path]


def map_items(
    spark: SparkSession, items: list[Item], function: Callable[[Item], Iterable[Answer]]
) -> list[tuple[int, Answer]]:
    """What a function yields for each item, in the order of the items.

    A task costs each worker some 60 ms whatever it does, so there is one task per core, and the
    items are dealt out to the tasks in turn. Nothing but Python values passes through the JVM, so
    this goes by an RDD: the first query on a data frame takes the JVM five seconds longer.

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
        settle_worker()
        for task in numbers:
            for number in range(task, len(items), tasks):
                yield from ((number, answer) for answer in function(items[number]))

    try:
        answers = context.parallelize(range(tasks), tasks).mapPartitions(work).collect()
    except Py4JJavaError as error:
        failure = error.java_exception
        raise PythonException(str((failure.getCause() or failure).getMessage())) from None
    return sorted(answers, key=lambda answer: answer[0])
