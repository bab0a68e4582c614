"""Published rows in DuckDB and in PostgreSQL: one transaction, repeated, taken back."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import duckdb
import polars as pl
import psycopg
import pytest

from recsys_assets.delivery.synapse import publication_script
from recsys_assets.delivery.warehouse import (
    DuckDbWarehouse,
    PostgresWarehouse,
    Warehouse,
)
from recsys_assets.delivery.warehouse_tables import WarehouseError


def rows(version: int, users: int = 50) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user": range(users),
            "score": [0.5] * users,
            "reason": [f'v{version}, "quoted"; é'] + [None] * (users - 1),
            "version": [version] * users,
        },
        schema={"user": pl.Int32, "score": pl.Float32, "reason": pl.String, "version": pl.Int64},
    )


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        opened: DuckDbWarehouse | PostgresWarehouse = DuckDbWarehouse(tmp_path / "w.duckdb")
    else:
        url = request.getfixturevalue("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS recsys CASCADE")
        opened = PostgresWarehouse(url)
    yield opened
    opened.close()


def read(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with warehouse._transaction() as run:
        return list(run('SELECT * FROM recsys.top_k ORDER BY "user"').fetchall())


def test_rows_arrive_as_they_are_and_once(warehouse: Warehouse) -> None:
    assert warehouse.holds("top_k") == ""
    assert warehouse.publish("top_k", rows(1), "v1")
    assert read(warehouse) == list(rows(1).iter_rows())
    assert not warehouse.publish("top_k", rows(1), "v1")
    assert warehouse.holds("top_k") == "v1" and len(read(warehouse)) == 50


def test_the_way_back_and_forth(warehouse: Warehouse) -> None:
    warehouse.publish("top_k", rows(1), "v1")
    with pytest.raises(WarehouseError, match="nothing was published before"):
        warehouse.roll_back("top_k")
    warehouse.publish("top_k", rows(2, users=10), "v2")
    assert warehouse.roll_back("top_k") == "v1" and len(read(warehouse)) == 50
    assert warehouse.roll_back("top_k") == "v2" and len(read(warehouse)) == 10
    warehouse.publish("top_k", rows(3), "v3")
    assert {row[3] for row in read(warehouse)} == {3}


def test_a_publication_that_fails_changes_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.publish("top_k", rows(1), "v1")
    load = warehouse._load

    def break_off(frame: pl.DataFrame, table: str) -> None:
        load(frame.head(3), table)
        raise ConnectionError("the line is dead")

    monkeypatch.setattr(warehouse, "_load", break_off)
    with pytest.raises(ConnectionError):
        warehouse.publish("top_k", rows(2), "v2")
    monkeypatch.undo()
    assert read(warehouse) == list(rows(1).iter_rows()) and warehouse.holds("top_k") == "v1"
    assert warehouse.publish("top_k", rows(2), "v2")
    lists = pl.DataFrame({"genres": [["a"]]})
    with pytest.raises(WarehouseError, match="column genres"):
        warehouse.publish("top_k", lists, "v3")


def test_a_view_shows_what_is_published(warehouse: Warehouse) -> None:
    warehouse.publish("top_k", rows(1), "v1")
    with warehouse._transaction() as run:
        run('CREATE VIEW recsys.mine AS SELECT "user", version FROM recsys.top_k')

    def shown() -> set[int]:
        with warehouse._transaction() as run:
            return {version for _, version in run("SELECT * FROM recsys.mine").fetchall()}

    for version in (2, 3, 4):
        warehouse.publish("top_k", rows(version), f"v{version}")
        assert shown() == {version}
    warehouse.roll_back("top_k")
    assert shown() == {3}


def test_a_release_changes_the_columns(warehouse: Warehouse) -> None:
    warehouse.publish("top_k", rows(1), "v1")
    changed = rows(2).with_columns(pl.col("version").cast(pl.Int32), title=pl.lit("A"))
    changed = changed.drop("score").select("title", "user", "reason", "version")
    warehouse.publish("top_k", changed, "v2")
    with warehouse._transaction() as run:
        query = 'SELECT "title", "user", "reason", "version" FROM recsys.top_k ORDER BY "user"'
        assert run(query).fetchall() == list(changed.iter_rows())
        kept = run('SELECT "user", "reason" FROM recsys.top_k_previous ORDER BY "user"')
        assert kept.fetchall() == list(rows(1).select("user", "reason").iter_rows())
    assert warehouse.roll_back("top_k") == "v1" and len(read(warehouse)) == 50
    assert warehouse.publish("top_k", rows(3), "v3")


def test_what_an_older_release_set_aside_can_have_other_columns(warehouse: Warehouse) -> None:
    for version in (1, 2):
        warehouse.publish("top_k", rows(version), f"v{version}")
    with warehouse._transaction() as run:
        run("ALTER TABLE recsys.top_k_previous DROP COLUMN reason")
        run("ALTER TABLE recsys.top_k_previous ADD COLUMN title TEXT")
    assert warehouse.roll_back("top_k") == "v1"
    assert {row[3] for row in read(warehouse)} == {1}


def test_a_reader_sees_the_rows_before_or_after(postgres: str) -> None:
    writer = PostgresWarehouse(postgres)
    writer.publish("top_k", rows(100), "v100")
    stop, seen = Event(), []

    def poll() -> None:
        with psycopg.connect(postgres, autocommit=True) as connection:
            while not stop.is_set():
                query = "SELECT count(*), min(version), max(version) FROM recsys.top_k"
                seen.append(connection.execute(query).fetchone())

    reader = Thread(target=poll)
    reader.start()
    for version in range(101, 111):
        writer.publish("top_k", rows(version), f"v{version}")
    stop.set()
    reader.join()
    writer.close()
    assert all(count == 50 and low == high for count, low, high in seen)
    assert len({low for _, low, _ in seen}) > 1


def test_analysts_keep_what_they_were_granted(postgres: str) -> None:
    def may(role: str) -> bool:
        query = f"SELECT has_table_privilege('{role}', 'recsys.top_k', 'SELECT')"
        row = database.execute(query).fetchone()
        return bool(row and row[0])

    writer = PostgresWarehouse(postgres)
    with psycopg.connect(postgres, autocommit=True) as database:
        database.execute("DROP SCHEMA IF EXISTS recsys CASCADE")
        writer.publish("top_k", rows(1), "v1")
        database.execute('CREATE ROLE "An analyst"')
        database.execute("CREATE ROLE guest")
        writer.publish("top_k", rows(2), "v2")
        database.execute('GRANT SELECT ON recsys.top_k TO "An analyst"')
        writer.publish("top_k", rows(3), "v3")
        assert may("An analyst") and not may("guest")
        database.execute("GRANT SELECT ON recsys.top_k TO PUBLIC")
        assert writer.roll_back("top_k") == "v2"
        assert may("An analyst") and may("guest")
    writer.close()


def test_the_file_can_be_asked_by_any_duckdb(tmp_path: Path) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "w.duckdb")
    warehouse.publish("top_k", rows(1), "v1")
    warehouse.close()
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as database:
        assert database.execute("SELECT count(*) FROM recsys.top_k").fetchone() == (50,)


def test_the_text_for_synapse_is_the_reviewed_one() -> None:
    files = ["https://recsys.dfs.core.windows.net/lake/top_k/part-0.parquet"]
    script = publication_script("top_k", rows(1).schema, files, "v1", "user")
    reviewed = Path(__file__).with_name("synapse_top_k.sql")
    assert script == reviewed.read_text(encoding="utf-8")
    # A dedicated pool takes constants and variables among VALUES, no functions.
    assert not any("VALUES" in line and "()" in line for line in script.splitlines())
    with pytest.raises(WarehouseError, match="column genres"):
        publication_script("x", pl.Schema({"genres": pl.List(pl.String)}), files, "v1", "genres")
