"""Published tables in a warehouse: a transaction changes the rows of a table that stays.

    frame -> recsys.<table>, the rows that it held -> recsys.<table>_previous

Readers see the rows before or after, never between, and nobody waits for them. What analysts were
granted on a table, and views on it, hold from one publication to the next. Which version it holds
stands in ``recsys.publications``; a version that is there already is not loaded again.
"""

import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from recsys_assets.delivery.warehouse_tables import (
    SCHEMA,
    WarehouseError,
    columns_held,
    columns_of,
    fill_table,
    listed,
    shape_table,
)

PUBLICATIONS = f"{SCHEMA}.publications"


class Warehouse(ABC):
    """A database that knows transactions, of tables' definitions too."""

    _database: Any
    """The connection."""

    def publish(self, table: str, frame: pl.DataFrame, version: str) -> bool:
        """Make a frame the rows of a table; whether it was not so before."""
        previous = f"{table}_previous"
        with self._transaction() as run:
            self._prepare(run)
            known = _version(run, table)
            if known == version:
                return False
            for name in (table, previous):
                shape_table(run, name, columns_of(frame))
            names = listed(columns_of(frame))
            fill_table(run, previous, table, names)
            run(f"DELETE FROM {SCHEMA}.{table}")
            self._load(frame, f"{SCHEMA}.{table} ({names})")
            self._note(run, table, version, known)
        return True

    def roll_back(self, table: str) -> str:
        """Swap the rows of a table with those that it held before; the version it holds then.

        Raises:
            WarehouseError: there is nothing before.
        """
        previous, aside = f"{table}_previous", f"{table}_aside"
        with self._transaction() as run:
            self._prepare(run)
            query = f"SELECT version, previous FROM {PUBLICATIONS} WHERE name = '{table}'"
            found = run(query).fetchone()
            if found is None or not found[1]:
                raise WarehouseError(f"nothing was published before what {table} holds")
            known = {name: f'"{name}" {kind}' for name, kind in columns_held(run, table).items()}
            # What a release before this one set aside has the columns of its day.
            for name in (previous, aside):
                shape_table(run, name, known)
            for target, source in ((aside, table), (table, previous), (previous, aside)):
                fill_table(run, target, source, listed(known))
            run(f"DROP TABLE {SCHEMA}.{aside}")
            self._note(run, table, found[1], found[0])
        return str(found[1])

    def holds(self, table: str) -> str:
        """Version that a table holds; empty where there is none."""
        with self._transaction() as run:
            self._prepare(run)
            return _version(run, table)

    def close(self) -> None:
        """End the connection: others may open a file then."""
        self._database.close()

    def _prepare(self, run: Any) -> None:
        run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        run(
            f"CREATE TABLE IF NOT EXISTS {PUBLICATIONS} "
            "(name TEXT PRIMARY KEY, version TEXT, previous TEXT, published TEXT)"
        )

    def _note(self, run: Any, table: str, version: str, previous: str) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        run(
            f"INSERT INTO {PUBLICATIONS} VALUES ('{table}', '{version}', '{previous}', '{now}') "
            "ON CONFLICT (name) DO UPDATE SET version = excluded.version, "
            "previous = excluded.previous, published = excluded.published"
        )

    @abstractmethod
    def _transaction(self) -> Any:
        """A context whose value runs statements; leaving it by an error undoes them all."""

    @abstractmethod
    def _load(self, frame: pl.DataFrame, table: str) -> None:
        """Put rows into a table whose columns are named, within the transaction."""


class DuckDbWarehouse(Warehouse):
    """One file: the default, which needs no server."""

    def __init__(self, path: Path) -> None:
        """Open the file; it is made where it does not exist.

        Raises:
            WarehouseError: another process has it open, or it is no database any more.
        """
        import duckdb

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = duckdb.connect(str(path))
        except duckdb.IOException as error:
            if "not a valid DuckDB database" in str(error):
                raise WarehouseError(
                    f"{path} is damaged: move it away, then make it anew by "
                    "recsys run --select warehouse_lists"
                ) from error
            if "Could not set lock" not in str(error):
                raise
            holder = str(error).partition("held in ")[2].partition(". See also")[0]
            raise WarehouseError(
                f"{path} is open in another process ({holder}), and DuckDB lets nobody else in "
                "while one may write: close it there, then try again"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        self._database.execute("BEGIN")
        try:
            yield self._database.execute
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _load(self, frame: pl.DataFrame, table: str) -> None:
        self._database.register("incoming", frame.to_arrow())
        self._database.execute(f"INSERT INTO {table} SELECT * FROM incoming")
        self._database.unregister("incoming")


class PostgresWarehouse(Warehouse):
    """PostgreSQL, at an address like ``postgresql://user:password@host/database``."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._database = psycopg.connect(_readable(url), autocommit=True)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with self._database.transaction():
            # Two that publish at once would both take each other's rows for those before.
            self._database.execute("SELECT pg_advisory_xact_lock(hashtext('recsys.publications'))")
            yield self._database.execute

    def _load(self, frame: pl.DataFrame, table: str) -> None:
        command: Any = f"COPY {table} FROM STDIN (FORMAT csv)"
        with self._database.cursor() as cursor, cursor.copy(command) as copy:
            for part in frame.iter_slices(50_000):
                copy.write(part.write_csv(include_header=False, quote_style="non_numeric"))


def _readable(url: str) -> str:
    """The address itself, where libpq finds user, password and host in it as they are meant.

    Raises:
        WarehouseError: it does not. libpq would quote the place, which as a rule is the password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"host": "@"}
    # The password holds one, too; or a slash, behind which libpq looks for the database: it takes
    # the user for the host then, and would send what follows there.
    lost = "user" not in parts and "@" in str(parts.get("dbname", ""))
    if lost or "@" in str(parts.get("host", "")):
        raise WarehouseError(
            "RECSYS_WAREHOUSE_URL cannot be read as postgresql://user:password@host/database: "
            "in the password write %25 for %, %40 for @, %2F for /, %3A for :"
        )
    return url


def _version(run: Any, table: str) -> str:
    found = run(f"SELECT version FROM {PUBLICATIONS} WHERE name = '{table}'").fetchone()
    return str(found[0]) if found else ""
