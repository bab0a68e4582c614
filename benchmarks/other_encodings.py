"""Categories of clicks encoded as others do it: as indexes by Spark, as means in polars.

Both read the validated rows, and write what a model could read into a folder that goes again.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from pyspark.ml import Pipeline
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.sql import DataFrame

from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.steps.clicks.features import EncodingParams
from recsys_assets.steps.clicks.parts import Part


def index_in_spark(rows: DataFrame) -> None:
    """StringIndexer and VectorAssembler."""
    indexed = [f"{name}_index" for name in CATEGORIES]
    indexer = StringIndexer(inputCols=[*CATEGORIES], outputCols=indexed, handleInvalid="keep")
    assembler = VectorAssembler(
        inputCols=[*NUMBERS, *indexed], outputCol="features", handleInvalid="keep"
    )
    model = Pipeline(stages=[indexer, assembler]).fit(rows)
    features = model.transform(rows).select(LABEL, "features")
    with tempfile.TemporaryDirectory() as folder:
        features.write.parquet(f"{folder}/features")


def encode_in_polars(parts: Sequence[Part], params: EncodingParams) -> None:
    """Counts and target means as one writes them in polars, all rows in memory, on all cores."""
    paths = [part.path for part in parts]
    rows = pl.read_parquet(paths, columns=[LABEL, *NUMBERS, *CATEGORIES]).with_row_index("row")
    known = int(params.train * rows.height)
    fold = pl.when(pl.col("row") < known).then(pl.col("row").hash(1) % params.folds)
    rows = rows.with_columns(fold=fold)
    train = rows.head(known)
    prior = train.select(pl.col(LABEL).cast(pl.Float64).mean()).item()
    features = [rows.select(LABEL, *NUMBERS)]
    for name in CATEGORIES:
        clicks = pl.col(LABEL).cast(pl.Int64).sum()
        own = train.group_by(name, "fold").agg(own=pl.len(), own_clicks=clicks)
        whole = train.group_by(name).agg(whole=pl.len(), whole_clicks=clicks)
        found = rows.select(name, "fold").join(whole, on=name, how="left", maintain_order="left")
        found = found.join(own, on=[name, "fold"], how="left", maintain_order="left")
        found = found.with_columns(
            pl.col("own", "own_clicks", "whole", "whole_clicks").fill_null(0)
        )
        others = pl.col("whole") - pl.col("own") + params.smoothing
        clicked = pl.col("whole_clicks") - pl.col("own_clicks") + params.smoothing * prior
        columns = {"count": pl.col("whole").log1p(), "mean": clicked / others}
        features.append(
            found.select(e.cast(pl.Float32).alias(f"{name}_{n}") for n, e in columns.items())
        )
    with tempfile.TemporaryDirectory() as folder:
        frame = pl.concat(features, how="horizontal")
        frame.write_parquet(Path(folder) / "features.parquet", compression_level=1)
