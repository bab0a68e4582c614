"""Tables of a warehouse: their columns, and rows on their way from one to another.

The SQL is what DuckDB and PostgreSQL have in common; all of it runs within one transaction.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

SCHEMA = "recsys"
"""Schema of everything that is published."""
_TYPES: dict[Any, str] = {
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Float32: "REAL",
    pl.Float64: "DOUBLE PRECISION",
    pl.String: "TEXT",
    pl.Date: "DATE",
    pl.Boolean: "BOOLEAN",
}


class WarehouseError(Exception):
    """A warehouse that cannot do as asked; the message says what to do."""


def shape_table(run: Any, table: str, columns: Mapping[str, str]) -> None:
    """Give a table these columns; rows keep what they hold in those that stay as they are."""
    model = f"{table}_model"
    # What a type is called differs between a definition and the database's own words.
    run(f"DROP TABLE IF EXISTS {SCHEMA}.{model}")
    run(f"CREATE TABLE {SCHEMA}.{model} ({', '.join(columns.values())})")
    wanted = columns_held(run, model)
    run(f"DROP TABLE {SCHEMA}.{model}")
    run(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{table} ({', '.join(columns.values())})")
    held = columns_held(run, table)
    changed = {name for name in held if name in wanted and wanted[name] != held[name]}
    for name in changed | (wanted.keys() - held.keys()):
        if name in changed:
            run(f'ALTER TABLE {SCHEMA}.{table} DROP COLUMN "{name}"')
        run(f"ALTER TABLE {SCHEMA}.{table} ADD COLUMN {columns[name]}")
    for name in held.keys() - wanted.keys():
        run(f'ALTER TABLE {SCHEMA}.{table} DROP COLUMN "{name}"')


def columns_held(run: Any, table: str) -> dict[str, str]:
    """Name → type of each column of a table, in the database's own words."""
    found = run(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = '{SCHEMA}' AND table_name = '{table}' ORDER BY ordinal_position"
    )
    return dict(found.fetchall())


def fill_table(run: Any, target: str, source: str, names: str) -> None:
    """Give a table the rows of another one."""
    run(f"DELETE FROM {SCHEMA}.{target}")
    run(f"INSERT INTO {SCHEMA}.{target} ({names}) SELECT {names} FROM {SCHEMA}.{source}")


def listed(names: Iterable[str]) -> str:
    """Names of columns as SQL lists them."""
    return ", ".join(f'"{name}"' for name in names)


def columns_of(frame: pl.DataFrame) -> dict[str, str]:
    """Name → definition in SQL of each column of a table.

    Raises:
        WarehouseError: a column holds what no warehouse of ours takes, such as lists.
    """
    for name, dtype in frame.schema.items():
        if type(dtype) not in _TYPES:
            raise WarehouseError(f"column {name} is {dtype}, which the warehouse does not take")
    return {name: f'"{name}" {_TYPES[type(dtype)]}' for name, dtype in frame.schema.items()}
