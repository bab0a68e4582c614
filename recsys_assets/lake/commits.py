"""Commits of finished Parquet files: they become the rows of one partition, all at once."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that lies in a table's folder but in none of its versions yet."""

    path: Path
    rows: int


def partition_folder(partition: Mapping[str, str]) -> str:
    """Folder of a partition below its table's: column=value for each column."""
    return "/".join(f"{column}={value}" for column, value in partition.items())


def write_data_file(frame: pl.DataFrame, folder: Path) -> DataFile:
    """Write a frame, without the partition columns, to a new file in a partition's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{uuid.uuid4()}.parquet"
    frame.write_parquet(path, compression="zstd", statistics=False)
    return DataFile(path, frame.height)


def replace_partition(
    uri: str,
    storage_options: dict[str, str],
    partition: dict[str, str],
    files: Sequence[DataFile],
    schema: pa.Schema,
    note: str,
) -> None:
    """Make files the rows of one partition; the first commit also makes the table.

    Args:
        uri: where the table lies.
        storage_options: credentials where that is no local folder.
        partition: partition column → value.
        files: what lies in the folder of the partition.
        schema: all columns of the table, with the partition columns.
        note: kept in the table's history, if there is one.
    """
    columns = list(partition)
    properties = CommitProperties(custom_metadata={"note": note} if note else None)
    if not DeltaTable.is_deltatable(uri, storage_options):
        create_table_with_add_actions(
            uri,
            Schema.from_arrow(schema),
            [_add_action(file, partition) for file in files],
            partition_by=columns,
            storage_options=storage_options,
            commit_properties=properties,
        )
        return
    DeltaTable(uri, storage_options=storage_options).create_write_transaction(
        [_add_action(file, partition) for file in files],
        mode="overwrite",
        schema=Schema.from_arrow(schema),
        partition_by=columns,
        partition_filters=[(column, "=", value) for column, value in partition.items()],
        commit_properties=properties,
    )


def _add_action(file: DataFile, partition: dict[str, str]) -> AddAction:
    status = file.path.stat()
    return AddAction(
        path=f"{partition_folder(partition)}/{file.path.name}",
        size=status.st_size,
        partition_values=dict(partition),
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
