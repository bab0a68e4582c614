"""Running a kernel over work items in Spark's Python workers.

Spark re-reads the directory of every zip archive on the import path and collects garbage over all
loaded modules at each task, about 60 ms of processor time a task; a worker of ours settles first.
"""

import gc
import sys
import zipimport
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pyarrow as pa
from pyspark.sql import SparkSession

Item = TypeVar("Item")


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
    spark: SparkSession,
    items: list[Item],
    function: Callable[[Item], Iterable[dict[str, Any]]],
    schema: pa.Schema,
) -> list[tuple[int, dict[str, Any]]]:
    """Rows that a function yields for each item, in the order of the items.

    A task costs each worker some 60 ms whatever it does, so there is one task per core, and the
    items are dealt out to the tasks in turn.

    Args:
        spark: the session whose workers do it.
        items: what is to be worked on; sent to the workers by pickle, so keep them small.
        function: importable by the workers; its rows are few and small: tables go to files.
        schema: columns of the rows.

    Returns:
        Number of the item and row.
    """
    if not items:
        return []
    tasks = min(len(items), spark.sparkContext.defaultParallelism)

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        settle_worker()
        for batch in batches:
            for task in batch.column(0).to_pylist():
                for number in range(task, len(items), tasks):
                    rows = [{"__item": number, **row} for row in function(items[number])]
                    yield pa.RecordBatch.from_pylist(rows, schema=numbered)

    numbered = schema.insert(0, pa.field("__item", pa.int64()))
    frame = spark.range(0, tasks, 1, tasks).mapInArrow(work, spark_schema(numbered))
    rows = sorted((row.asDict() for row in frame.collect()), key=lambda row: row["__item"])
    return [(row.pop("__item"), row) for row in rows]


def spark_schema(schema: pa.Schema) -> Any:
    """The Spark type of an Arrow schema."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
