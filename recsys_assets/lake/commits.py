"""Commits of finished Parquet files: they become rows of a table, all at once."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from recsys_assets.lake.store import write_parquet

KEEPS_REMOVED = {"delta.deletedFileRetentionDuration": "interval 30 days"}
"""Property of every table: how long its checkpoints, one each hundred versions, still tell files
that a version removed. Of a file that none tells any more a vacuum knows only when it was written;
by default that is after a week. The log itself, and with it all versions, ends after 30 days."""


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
    path = folder / f"part-{uuid.uuid4()}.parquet"
    write_parquet(frame, path, compression="zstd", statistics=False)
    return DataFile(path, frame.height)


def commit_files(
    uri: str,
    files: Sequence[DataFile],
    schema: pa.Schema,
    note: str,
    partition_by: Sequence[str] = (),
    replaced: Mapping[str, str] | None = None,
) -> None:
    """Make files the rows of a table, or of one partition of it; the first commit makes the table.

    Args:
        uri: where the table lies.
        files: what lies in the table's folder, or in its folders ``column=value`` where it is
            partitioned; written by nobody else. A reader gets their rows in this order.
        schema: all columns of the table, with the partition columns.
        note: kept in the table's history, if there is one.
        partition_by: the partition columns.
        replaced: partition column → value whose rows the files replace; all rows if None.
    """
    actions = [add_action(file, len(partition_by)) for file in files]
    properties = CommitProperties(custom_metadata={"note": note} if note else None)
    if not DeltaTable.is_deltatable(uri):
        create_table_with_add_actions(
            uri,
            Schema.from_arrow(schema),
            actions,
            partition_by=[*partition_by],
            configuration=KEEPS_REMOVED,
            commit_properties=properties,
        )
        return
    DeltaTable(uri).create_write_transaction(
        [*actions],
        mode="overwrite",
        schema=Schema.from_arrow(schema),
        partition_by=[*partition_by],
        partition_filters=[(c, "=", v) for c, v in replaced.items()] if replaced else None,
        commit_properties=properties,
    )


def add_action(file: DataFile, depth: int) -> AddAction:
    """What the log says of a file that lies so many folders below its table's.

    A folder ``column=value`` is one of a partition.
    """
    *folders, name = file.path.parts[-1 - depth :]
    status = file.path.stat()
    return AddAction(
        path="/".join([*folders, name]),
        size=status.st_size,
        partition_values=dict(folder.split("=", 1) for folder in folders if "=" in folder),
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
