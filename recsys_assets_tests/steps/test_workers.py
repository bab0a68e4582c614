import os
import sys
import zipimport
from collections.abc import Iterator
from typing import Any

import pyspark
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from recsys_assets.steps.workers import map_items


def squares_up_to(number: int) -> Iterator[dict[str, Any]]:
    for n in range(number):
        yield {"square": n * n, "where": os.getpid()}


def surroundings(_: int) -> Iterator[dict[str, Any]]:
    zips = [f for f in sys.path_importer_cache.values() if isinstance(f, zipimport.zipimporter)]
    loaded = {name for name in sys.modules if name.startswith("recsys_assets.")}
    yield {"parent": os.getppid(), "zips": zips, "loaded": loaded, "spark": pyspark.__file__}


def fail_on_two(number: int) -> Iterator[dict[str, Any]]:
    if number == 2:
        raise ValueError("two is not liked")
    yield {"square": number}


def test_rows_come_back_in_the_order_of_the_items(spark: SparkSession) -> None:
    items = [3, 0, 1, 5, 2]
    rows = map_items(spark, items, squares_up_to)
    expected = [(i, n * n) for i, number in enumerate(items) for n in range(number)]
    assert [(item, row["square"]) for item, row in rows] == expected
    assert os.getpid() not in {row["where"] for _, row in rows}


def test_workers_are_forks_of_one_process_that_has_loaded_the_kernels(spark: SparkSession) -> None:
    found = [about for _, about in map_items(spark, [1, 2], surroundings)]
    assert len({about["parent"] for about in found}) == 1
    for about in found:
        assert {f"recsys_assets.kernels.{name}" for name in ("encode", "judging")} < about["loaded"]
        assert about["spark"] == pyspark.__file__
        assert about["zips"] == []


def test_no_items_need_no_job(spark: SparkSession) -> None:
    assert map_items(spark, [], squares_up_to) == []


def test_an_error_in_a_worker_is_an_error_here(spark: SparkSession) -> None:
    with pytest.raises(PythonException, match="two is not liked"):
        map_items(spark, [1, 2], fail_on_two)
