"""Spark's way into the lake: it reads and writes plain Parquet, delta-rs keeps the log.

    table -> data files of its newest version -> Spark -> new data files -> one commit

Delta's own reader and writer in the JVM cost 10 to 20 s of processor time on their first use, to
replay a log that delta-rs reads in milliseconds; so the log has one reader and one writer.
"""

import json
import uuid
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from recsys_assets.lake.commits import KEEPS_REMOVED, DataFile, add_action
from recsys_assets.lake.store import open_bytes, place
from recsys_assets.lake.tables import Lake


def read_table(lake: Lake, spark: SparkSession, table: str) -> DataFrame:
    """The newest version of a table, partition columns included.

    Raises:
        MissingTableError: nothing has written the table yet.
    """
    delta = lake.open(table)
    # Delta and Spark write a schema as the same JSON.
    schema = StructType.fromJson(json.loads(delta.schema().to_json()))
    paths = delta.file_uris()
    if not paths:
        return spark.createDataFrame([], schema)
    # With the schema at hand Spark need not open a file to learn it.
    return spark.read.schema(schema).option("basePath", lake.uri(table)).parquet(*paths)


def write_table(lake: Lake, frame: DataFrame, table: str) -> int:
    """Replace a table by a Spark frame; the new version's number.

    The new files count from the commit on; those of a run that died before it belong to nothing.
    """
    name = f"data-{uuid.uuid4()}"
    frame.write.parquet(f"{lake.uri(table)}/{name}")
    folder = place(lake.uri(table)) / name
    files = sorted(folder.glob("*.parquet"))
    schema = Schema.from_json(_nullable(frame.schema).json())
    if not lake.exists(table):
        DeltaTable.create(lake.uri(table), schema, configuration=KEEPS_REMOVED)
    lake.open(table).create_write_transaction(
        [add_action(_data_file(path), 1) for path in files], mode="overwrite", schema=schema
    )
    return lake.version(table)


def _nullable(schema: StructType) -> StructType:
    """Columns that may be null, as files that pandas or polars write have them too."""
    return StructType([StructField(f.name, f.dataType, True) for f in schema])


def _data_file(path: Path) -> DataFile:
    with open_bytes(path) as file:
        return DataFile(path, pq.read_metadata(file).num_rows)
