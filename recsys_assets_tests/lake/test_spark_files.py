import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.lake.commits import KEEPS_REMOVED
from recsys_assets.lake.spark_files import read_table, write_table
from recsys_assets.lake.tables import MissingTableError
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import write_ratings


def test_spark_reads_what_the_log_names_with_partition_columns(session: Session) -> None:
    write_ratings(session.lake, [(1, 1, 5.0, 1)], [(2, 2, 4.5, 2), (3, 3, 1.0, 3)])
    write_ratings(session.lake, [(9, 9, 2.0, 9)])  # replaces the first drop
    found = pl.from_pandas(read_table(session.lake, session.spark, "ratings").toPandas())
    expected = session.lake.scan("ratings").collect()
    assert found.columns == expected.columns
    assert_frame_equal(
        found.select("user", "rating").sort("user"), expected.select("user", "rating").sort("user")
    )
    assert sorted(found["user"]) == [2, 3, 9]


def test_a_written_table_has_versions_and_its_schema(session: Session) -> None:
    lake, spark = session.lake, session.spark
    frame = spark.createDataFrame([(1, ["a", "b"]), (2, [])], "user int, genres array<string>")
    assert write_table(lake, frame, "features") == 1
    assert lake.open("features").metadata().configuration == KEEPS_REMOVED
    assert write_table(lake, frame.filter("user = 1"), "features") == 2
    assert lake.scan("features").collect().rows() == [(1, ["a", "b"])]
    assert lake.scan("features", 1).sort("user").collect().rows() == [(1, ["a", "b"]), (2, [])]
    assert lake.open("features").count() == 1
    wider = frame.selectExpr("*", "user * 2L as twice")
    write_table(lake, wider, "features")
    assert lake.scan("features").collect().schema["twice"] == pl.Int64
    assert read_table(lake, spark, "features").columns == ["user", "genres", "twice"]


def test_the_cluster_reads_the_same_table_with_its_own_reader(session: Session) -> None:
    frame = session.spark.range(5).selectExpr("cast(id as int) as user")
    write_table(session.lake, frame, "users")
    assert session.spark.read.format("delta").load(session.lake.uri("users")).count() == 5


def test_a_table_without_rows_is_read(session: Session) -> None:
    frame = session.spark.range(5).selectExpr("cast(id as int) as user")
    write_table(session.lake, frame.filter("user > 9"), "users")
    assert read_table(session.lake, session.spark, "users").count() == 0


def test_a_missing_table_is_named(session: Session) -> None:
    with pytest.raises(MissingTableError, match="ratings"):
        read_table(session.lake, session.spark, "ratings")
