"""The lake: Delta tables by name, in versions.

A reader sees the old version of a table or the new one, never half of one; every write gives a
version number, and going back is a write like any other. Spark's way in is `spark_files`.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from recsys_assets.contracts.schema import plain_schema
from recsys_assets.lake.commits import (
    KEEPS_REMOVED,
    DataFile,
    commit_files,
    partition_folder,
    write_data_file,
)
from recsys_assets.lake.store import make_folder, place, remove_tree

_TIDYING = {"SET TBLPROPERTIES", "VACUUM START", "VACUUM END"}
"""Operations of versions that `tidying` makes: the latter two in a container, each time."""

DROP_DATE = "drop_date"
"""Partition column of daily tables: the date of the drop a row came in with."""
STAGING = "_staging"
"""Folder beside the tables, of files that none of them holds yet."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class MissingTableError(Exception):
    """A table that nothing has written yet."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"the table {table!r} does not exist yet: land its files and materialize its asset"
        )


class _Table(DeltaTable):
    """A table whose files lie where their paths say, whatever the folder above it is called.

    delta-rs tells a file of this machine by its address without ``file://``, in which a blank is
    ``%20``; there is no such file.
    """

    def file_uris(self, *filters: Any, **more: Any) -> list[str]:
        """Paths of the table's files, in Azure their addresses."""
        address = self.table_uri.removeprefix("file://")
        folder = unquote(address) if address.startswith("/") else address
        return [folder + path.removeprefix(address) for path in super().file_uris(*filters, **more)]


@dataclass(frozen=True)
class Lake:
    """All tables under one root."""

    root: str
    """Folder of the tables."""

    def uri(self, table: str) -> str:
        """Where a table lies.

        Raises:
            MissingTableError: no table can have that name, for example a path out of the lake.
        """
        if not _NAME.fullmatch(table):
            raise MissingTableError(table)
        return f"{self.root}/{table}"

    def names(self) -> list[str]:
        """Tables that exist.

        Not among them are a log without a version, as a full disk leaves it where a table is new,
        and folders that no table can be called like, as a copy that somebody laid beside it.
        """
        found = [log.parent.name for log in place(self.root).glob("*/_delta_log")]
        return sorted(name for name in found if _NAME.fullmatch(name) and self.exists(name))

    def exists(self, table: str) -> bool:
        """Whether something has written the table."""
        return DeltaTable.is_deltatable(self.uri(table))

    def has_rows(self, table: str) -> bool:
        """Whether a table holds a row, by its log; not if nothing has written it."""
        return self.exists(table) and self.open(table).count() > 0

    def open(self, table: str, version: int | None = None) -> DeltaTable:
        """A version of a table, the newest where none is named.

        Raises:
            MissingTableError: nothing has written it yet.
        """
        try:
            return _Table(self.uri(table), version)
        except TableNotFoundError as error:
            raise MissingTableError(table) from error

    def version(self, table: str) -> int:
        """Number of the newest version."""
        return int(self.open(table).version())

    def holds(self, table: str, version: int) -> bool:
        """Whether a version of a table can still be read: old ones are tidied away."""
        try:
            paths = self.open(table, version).file_uris()
        # Its log is gone too, which `open` tells as if there were no table.
        except (DeltaError, MissingTableError):
            return False
        return all(place(path).exists() for path in paths)

    def scan(self, table: str, version: int | None = None) -> pl.LazyFrame:
        """A table for reading without Spark."""
        return pl.scan_delta(self.open(table, version))

    def write_frame(
        self, frame: pl.DataFrame, table: str, replace: dict[str, str] | None = None
    ) -> int:
        """Replace a table, or the rows of one partition of it, by a polars frame.

        Args:
            frame: the new rows, with the partition columns.
            table: name of the table; created where it does not exist.
            replace: partition column → value whose rows the frame replaces; all rows if None.
        """
        if replace:
            rows = frame.drop(list(replace))
            folder = place(self.uri(table)) / partition_folder(replace)
            files = [write_data_file(rows, folder)] if len(rows) else []
            return self.replace_files(
                table, files, plain_schema(frame), "", partition_by=[*replace], replaced=replace
            )
        write_deltalake(
            self.uri(table),
            # Chunks of a frame may be written in another order than they stand in.
            frame.rechunk().to_arrow(),
            mode="overwrite",
            schema_mode="overwrite",
            configuration=KEEPS_REMOVED,
        )
        return self.version(table)

    def append(self, frame: pl.DataFrame, table: str) -> int:
        """Add rows to a table, which is created where it does not exist; the version's number."""
        write_deltalake(
            self.uri(table),
            frame.to_arrow(),
            mode="append",
            configuration=KEEPS_REMOVED,
        )
        return self.version(table)

    def delete(self, table: str, where: dict[str, str]) -> None:
        """Remove the rows of a partition; no new version where there are none."""
        predicate = " AND ".join(
            f"{column} = '{value.replace(chr(39), chr(39) * 2)}'" for column, value in where.items()
        )
        delta = self.open(table)
        if delta.file_uris([(column, "=", value) for column, value in where.items()]):
            delta.delete(predicate)

    def staging(self, purpose: str) -> Path:
        """An empty folder for files that no table holds yet."""
        folder = place(self.root) / STAGING / purpose
        remove_tree(folder)
        make_folder(folder)
        return folder

    def folder(self, table: str, date: datetime.date) -> Path:
        """Folder for new data files of one drop."""
        return place(self.uri(table)) / partition_folder({DROP_DATE: date.isoformat()})

    def rows_by_drop(self, table: str) -> dict[datetime.date, int]:
        """Drop date → rows that a table holds of it, from its log alone; none without a table."""
        if not self.exists(table):
            return {}
        actions = pl.DataFrame(self.open(table).get_add_actions(flatten=True))
        day = pl.col(f"partition.{DROP_DATE}").cast(pl.Date)
        return dict(actions.group_by(day).agg(pl.col("num_records").sum()).iter_rows())

    def replace_drop(
        self, table: str, date: datetime.date, files: list[DataFile], schema: pa.Schema, note: str
    ) -> int:
        """Make the given files the rows of one drop, in one commit; the new version's number.

        Args:
            table: name of the table; created where it does not exist.
            date: the drop whose rows are replaced.
            files: Parquet files in ``folder(table, date)``, written by nobody else.
            schema: columns of the files, without the partition column.
            note: kept in the table's history.
        """
        full = schema.append(pa.field(DROP_DATE, pa.date32()))
        replaced = {DROP_DATE: date.isoformat()}
        return self.replace_files(table, files, full, note, [DROP_DATE], replaced)

    def replace_files(
        self,
        table: str,
        files: list[DataFile],
        schema: pa.Schema,
        note: str,
        partition_by: Sequence[str] = (),
        replaced: dict[str, str] | None = None,
    ) -> int:
        """Make the given files the table, or one partition of it; the new version's number.

        The arguments are those of `commit_files`.
        """
        commit_files(self.uri(table), files, schema, note, partition_by, replaced)
        return self.version(table)

    def history(self, table: str) -> list[dict[str, object]]:
        """Versions of a table, the newest first: version, timestamp, operation, details."""
        return [dict(entry) for entry in self.open(table).history()]

    def written(self, table: str) -> datetime.datetime:
        """When the newest rows were written: what tidying notes of a table leaves them as old."""
        delta = self.open(table)
        for limit in (4, None):  # the whole log only where nobody has written for weeks
            entries = delta.history(limit)
            rows = [entry for entry in entries if entry["operation"] not in _TIDYING]
            if rows:
                break
        newest = (rows or entries)[0]
        return datetime.datetime.fromtimestamp(int(newest["timestamp"]) / 1000, datetime.UTC)
