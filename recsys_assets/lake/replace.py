"""Data files that workers wrote natively become a whole table, in one commit."""

import json

import pyarrow as pa
from deltalake import CommitProperties, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from recsys_assets.lake.tables import DataFile, Lake


def replace_files(
    lake: Lake,
    table: str,
    files: list[DataFile],
    schema: pa.Schema,
    note: str,
    partition_by: str | None = None,
) -> int:
    """Make the given files the whole table; the new version's number.

    Args:
        lake: where the table lies.
        table: its name; it is created where it does not exist.
        files: Parquet files in the table's folder, or in its folders ``column=value`` where it is
            partitioned; written by nobody else. A reader gets their rows in this order.
        schema: columns of the table, the partition column among them.
        note: kept in the table's history.
        partition_by: the partition column, if there is one.
    """
    actions = [_add_action(file, partition_by) for file in files]
    properties = CommitProperties(custom_metadata={"note": note})
    columns = [partition_by] if partition_by else []
    if lake.exists(table):
        lake.open(table).create_write_transaction(
            [*actions],
            mode="overwrite",
            schema=Schema.from_arrow(schema),
            partition_by=columns,
            commit_properties=properties,
        )
    else:
        create_table_with_add_actions(
            lake.uri(table),
            Schema.from_arrow(schema),
            actions,
            partition_by=columns,
            storage_options=lake.storage_options,
            commit_properties=properties,
        )
    return lake.version(table)


def _add_action(file: DataFile, partition_by: str | None) -> AddAction:
    folder = file.path.parent.name
    status = file.path.stat()
    return AddAction(
        path=f"{folder}/{file.path.name}" if partition_by else file.path.name,
        size=status.st_size,
        partition_values={partition_by: folder.partition("=")[2]} if partition_by else {},
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
