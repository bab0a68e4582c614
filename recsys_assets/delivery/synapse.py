"""T-SQL that publishes a table in a dedicated pool of Azure Synapse.

It has never been executed by this project, which has no Synapse: it is text to review, follows
Microsoft's documentation, and tests only hold it still. Three facts shape it. A dedicated pool
allows no CREATE or RENAME inside a transaction, so the swap deletes and inserts. It takes constants
and variables only behind VALUES, so the time comes by SELECT. And its primary keys are not
enforced, so that a publication repeated by hand must not double rows: the table of publications is
asked first.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from recsys_assets.delivery.warehouse_tables import SCHEMA, WarehouseError

_TYPES: dict[Any, str] = {
    pl.Int32: "INT",
    pl.Int64: "BIGINT",
    pl.Float32: "REAL",
    pl.Float64: "FLOAT",
    pl.String: "NVARCHAR(1000)",
    pl.Date: "DATE",
    pl.Boolean: "BIT",
}


def publication_script(
    table: str, schema: pl.Schema, files: Sequence[str], version: str, hash_column: str
) -> str:
    """The script that loads data files into staging and swaps them in.

    Args:
        table: name of the table.
        schema: its columns.
        files: data files of one version of the Delta table, as ``https://`` addresses; the folder
            would hold those of other versions too.
        version: kept beside the rows; a version that is there already is not loaded again.
        hash_column: by which rows are spread over the pool.
    """
    for name, dtype in schema.items():
        if type(dtype) not in _TYPES:
            raise WarehouseError(f"column {name} is {dtype}, which Synapse does not take")
    columns = ",\n".join(f"    [{n}] {_TYPES[type(t)]} NULL" for n, t in schema.items())
    names = ", ".join(f"[{name}]" for name in schema)
    sources = ",\n    ".join(f"'{file}'" for file in files)
    return f"""\
-- Never executed by this project: review it before it runs.
-- Publishes version {version} of {table}; run it again and nothing changes.
SET XACT_ABORT ON;

IF SCHEMA_ID('{SCHEMA}') IS NULL EXEC('CREATE SCHEMA {SCHEMA}');
IF OBJECT_ID('{SCHEMA}.publications') IS NULL
    CREATE TABLE {SCHEMA}.publications (
        [name] NVARCHAR(128) NOT NULL, [version] NVARCHAR(128) NOT NULL,
        published DATETIME2 NOT NULL
    ) WITH (DISTRIBUTION = REPLICATE, HEAP);
IF OBJECT_ID('{SCHEMA}.{table}') IS NULL
    CREATE TABLE {SCHEMA}.{table} (
{columns}
    ) WITH (DISTRIBUTION = HASH([{hash_column}]), CLUSTERED COLUMNSTORE INDEX);
IF OBJECT_ID('{SCHEMA}.{table}_staging') IS NOT NULL DROP TABLE {SCHEMA}.{table}_staging;
CREATE TABLE {SCHEMA}.{table}_staging (
{columns}
) WITH (DISTRIBUTION = HASH([{hash_column}]), HEAP);

COPY INTO {SCHEMA}.{table}_staging ({names})
FROM
    {sources}
WITH (FILE_TYPE = 'PARQUET', CREDENTIAL = (IDENTITY = 'Managed Identity'), MAXERRORS = 0);

IF NOT EXISTS (
    SELECT 1 FROM {SCHEMA}.publications WHERE [name] = '{table}' AND [version] = '{version}'
)
BEGIN
    BEGIN TRANSACTION;
    DELETE FROM {SCHEMA}.{table};
    INSERT INTO {SCHEMA}.{table} ({names}) SELECT {names} FROM {SCHEMA}.{table}_staging;
    DELETE FROM {SCHEMA}.publications WHERE [name] = '{table}';
    INSERT INTO {SCHEMA}.publications SELECT '{table}', '{version}', SYSUTCDATETIME();
    COMMIT TRANSACTION;
END;

DROP TABLE {SCHEMA}.{table}_staging;
"""
