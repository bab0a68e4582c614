import os
import sys
import zipimport
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from recsys_assets.steps.workers import map_items


def squares_up_to(number: int) -> Iterator[dict[str, Any]]:
    zips = [f for f in sys.path_importer_cache.values() if isinstance(f, zipimport.zipimporter)]
    for n in range(number):
        yield {"square": n * n, "where": os.getpid(), "zips": len(zips)}


def fail_on_two(number: int) -> Iterator[dict[str, Any]]:
    if number == 2:
        raise ValueError("two is not liked")
    yield {"square": number}


def test_rows_come_back_in_the_order_of_the_items(spark: SparkSession) -> None:
    items = [3, 0, 1, 5, 2]
    rows = map_items(spark, items, squares_up_to)
    expected = [(i, n * n) for i, number in enumerate(items) for n in range(number)]
    assert [(item, row["square"]) for item, row in rows] == expected
    assert set(rows[0][1]) == {"square", "where", "zips"}
    assert os.getpid() not in {row["where"] for _, row in rows}


def test_a_worker_is_spared_the_zip_archives_of_spark(spark: SparkSession) -> None:
    assert {row["zips"] for _, row in map_items(spark, [1, 1], squares_up_to)} == {0}


def test_no_items_need_no_job(spark: SparkSession) -> None:
    assert map_items(spark, [], squares_up_to) == []


def test_an_error_in_a_worker_is_an_error_here(spark: SparkSession) -> None:
    with pytest.raises(PythonException, match="two is not liked"):
        map_items(spark, [1, 2], fail_on_two)
