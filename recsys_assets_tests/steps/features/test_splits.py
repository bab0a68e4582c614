import numpy as np
import polars as pl
import pytest
from pyspark.sql import SparkSession

from recsys_assets.kernels.splits import GAP, METHODS, pair_hashes, parts_of
from recsys_assets.steps.features.splits import SplitParams, with_split

NAMES = {0: "train", 1: "validation", 2: "test", GAP: "gap"}


@pytest.fixture(scope="module")
def ratings() -> pl.DataFrame:
    rng = np.random.default_rng(2)
    flat = rng.choice(60 * 90, 2_000, replace=False)
    frame = pl.DataFrame(
        {
            "user": (flat // 90 + 1).astype(np.int32),
            "item": (flat % 90 + 1).astype(np.int32),
            # Few moments, so that many rows of a user share theirs.
            "timestamp": rng.integers(0, 400, 2_000) * 6_000,
        }
    )
    return frame.sort("user", "item")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("validation", [0.1, 0.0])
def test_spark_and_the_kernel_draw_the_same_parts_under_any_partitioning(
    spark: SparkSession, ratings: pl.DataFrame, method: str, validation: float
) -> None:
    gap = 2.0 if method == "global-time" else 0.0
    params = SplitParams(
        method=method,  # type: ignore[arg-type]
        train=0.6,
        validation=validation,
        seed=7,
        gap_days=gap,
    )
    shares = [0.6, validation] if validation else [0.6]
    names = NAMES if validation else {**NAMES, 1: "test"}
    parts = parts_of(ratings, method, shares, 7, gap)  # type: ignore[arg-type]
    wanted = ratings.with_columns(split=pl.Series([names[part] for part in parts.tolist()]))
    shuffled = spark.createDataFrame(ratings.sample(fraction=1.0, shuffle=True).to_pandas())
    for partitions in (1, 5):
        rows = shuffled.select(
            *(shuffled[name].cast("int") for name in ("user", "item")), "timestamp"
        ).repartition(partitions)
        found = pl.DataFrame(with_split(rows, params).toPandas()).sort("user", "item")
        assert found["split"].to_list() == wanted["split"].to_list()
    if gap:
        assert "gap" in set(wanted["split"])


def test_hashes_are_those_of_spark(spark: SparkSession) -> None:
    users, items = np.array([1, -7, 0]), np.array([2, 2**31 - 1, 0])
    for seed in (42, -1):
        rows = zip(users.tolist(), items.tolist(), strict=True)
        query = " UNION ALL ".join(f"SELECT xxhash64({u}, {i}, {seed})" for u, i in rows)
        asked = [row[0] for row in spark.sql(query).collect()]
        assert pair_hashes(users, items, seed).tolist() == asked
