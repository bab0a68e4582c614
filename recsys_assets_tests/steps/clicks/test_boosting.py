"""SynapseML's trees are those of the LightGBM that is installed here, node for node."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from pyspark.sql import SparkSession

from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.boosting import feature_matrix
from recsys_assets.kernels.encode import feature_names
from recsys_assets.steps.clicks.boosting import BoostingParams, boost

ROWS = 24_000
"""So many that SynapseML's own sampling would keep half of a sample of a thousand rows."""


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Features with gaps, and labels that some of them tell."""
    random = np.random.default_rng(7)
    columns = {name: random.normal(size=ROWS).astype(np.float32) for name in feature_names()}
    odds = columns["C1_mean"] - columns["C2_mean"] * columns["I1"]
    columns["I2"][random.random(ROWS) < 0.2] = np.nan
    labels = (odds + random.logistic(size=ROWS) > 0).astype(np.int8)
    return pl.DataFrame({LABEL: labels, **columns})


@pytest.mark.parametrize("bin_sample", [ROWS, 1_000])
def test_trees_are_those_of_native_lightgbm(
    spark: SparkSession, rows: pl.DataFrame, tmp_path: Path, bin_sample: int
) -> None:
    # Spark reads the larger file first.
    rows[: ROWS // 4 * 3].write_parquet(tmp_path / "1.parquet")
    rows[ROWS // 4 * 3 :].write_parquet(tmp_path / "2.parquet")
    params = BoostingParams(trees=20, leaves=15, min_data_in_leaf=20, bin_sample=bin_sample)
    boosted = boost(spark.read.parquet(str(tmp_path)), params)
    native = params.native() | {"num_threads": 2}
    first = lgb.Dataset(feature_matrix(rows[:bin_sample]), params=native)
    data = lgb.Dataset(feature_matrix(rows), rows[LABEL].to_numpy(), reference=first, params=native)
    expected = lgb.train(native, data, params.trees).model_to_string()
    assert trees(boosted) == trees(expected)


def trees(model: str) -> str:
    """The nodes of all trees in LightGBM's text."""
    return model[model.index("Tree=0") : model.index("end of trees")]
