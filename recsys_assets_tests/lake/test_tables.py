import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from recsys_assets.lake.rollbacks import restore_version
from recsys_assets.lake.tables import DROP_DATE, DataFile, Lake, MissingTableError

DAY = datetime.date(2026, 1, 30)
NEXT_DAY = datetime.date(2026, 1, 31)
SCHEMA = pa.schema([("user", pa.int32()), ("file", pa.string())])


def part(lake: Lake, date: datetime.date, users: list[int]) -> DataFile:
    folder = lake.folder("ratings", date)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    frame = pl.DataFrame({"user": users, "file": "a"}, schema={"user": pl.Int32, "file": pl.String})
    frame.write_parquet(path)
    return DataFile(path, len(users))


def users(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.scan("ratings", version).collect()["user"].to_list())


def test_a_drop_is_replaced_in_one_version_and_others_stay(lake: Lake) -> None:
    def replace(date: datetime.date, *parts: DataFile) -> int:
        return lake.replace_drop("ratings", date, list(parts), SCHEMA, "run x")

    assert replace(DAY, part(lake, DAY, [1, 2]), part(lake, DAY, [3])) == 0
    assert replace(NEXT_DAY, part(lake, NEXT_DAY, [9])) == 1
    assert replace(DAY, part(lake, DAY, [4])) == 2
    assert replace(DAY) == 3
    assert [users(lake, version) for version in range(4)] == [[1, 2, 3], [1, 2, 3, 9], [4, 9], [9]]
    assert users(lake) == [9] and lake.open("ratings").count() == 1
    table = lake.scan("ratings").collect()
    assert table.schema[DROP_DATE] == pl.Date and table[DROP_DATE].to_list() == [NEXT_DAY]
    assert [entry["note"] for entry in lake.history("ratings")] == ["run x"] * 4


def test_files_that_no_commit_names_are_not_seen(lake: Lake) -> None:
    lake.replace_drop("ratings", DAY, [part(lake, DAY, [1])], SCHEMA, "")
    part(lake, DAY, [2])
    assert users(lake) == [1] and lake.version("ratings") == 0


def test_an_empty_first_drop_makes_an_empty_table(lake: Lake) -> None:
    assert lake.replace_drop("ratings", DAY, [], SCHEMA, "") == 0
    assert users(lake) == []
    assert lake.scan("ratings").collect_schema().names() == ["user", "file", DROP_DATE]


def test_a_frame_replaces_a_table_whatever_its_columns_were(lake: Lake) -> None:
    assert lake.write_frame(pl.DataFrame({"a": [1, 2]}), "t") == 0
    assert lake.write_frame(pl.DataFrame({"b": ["x"]}), "t") == 1
    assert lake.scan("t").collect().to_dict(as_series=False) == {"b": ["x"]}
    assert lake.scan("t", 0).collect().to_dict(as_series=False) == {"a": [1, 2]}


def test_a_frame_replaces_the_rows_of_one_partition(lake: Lake) -> None:
    def write(dataset: str, day: datetime.date, lines: list[int]) -> int:
        frame = pl.DataFrame(
            {"dataset": dataset, DROP_DATE: day, "line": lines},
            schema={"dataset": pl.String, DROP_DATE: pl.Date, "line": pl.Int64},
        )
        return lake.write_frame(frame, "q", {"dataset": dataset, DROP_DATE: day.isoformat()})

    assert write("ratings", DAY, [1, 2]) == 0
    assert write("movies", DAY, [3]) == 1
    assert write("ratings", NEXT_DAY, [4]) == 2
    assert write("ratings", DAY, [5]) == 3
    assert sorted(lake.scan("q").collect()["line"]) == [3, 4, 5]
    assert write("ratings", DAY, []) == 4
    assert sorted(lake.scan("q").select("dataset", DROP_DATE, "line").collect().rows()) == [
        ("movies", DAY, 3),
        ("ratings", NEXT_DAY, 4),
    ]


def test_deleting_a_partition_that_is_not_there_makes_no_version(lake: Lake) -> None:
    frame = pl.DataFrame({DROP_DATE: [DAY, NEXT_DAY], "line": [1, 2]})
    for day in (DAY, NEXT_DAY):
        chosen = frame.filter(pl.col(DROP_DATE) == day)
        lake.write_frame(chosen, "q", {DROP_DATE: day.isoformat()})
    lake.delete("q", {DROP_DATE: DAY.isoformat()})
    assert lake.version("q") == 2 and lake.scan("q").collect()["line"].to_list() == [2]
    lake.delete("q", {DROP_DATE: DAY.isoformat()})
    assert lake.version("q") == 2


def test_going_back_is_a_version_like_any_other(lake: Lake) -> None:
    for n in range(3):
        lake.write_frame(pl.DataFrame({"n": [n]}), "t")
    assert restore_version(lake, "t", 0) == 3
    assert lake.scan("t").collect()["n"].to_list() == [0]
    assert restore_version(lake, "t", 2) == 4
    assert lake.scan("t").collect()["n"].to_list() == [2]
    assert lake.scan("t", 1).collect()["n"].to_list() == [1]
    assert [entry["version"] for entry in lake.history("t")] == [4, 3, 2, 1, 0]
    for version in (-1, 5):
        with pytest.raises(ValueError, match="t has versions 0 to 4"):
            restore_version(lake, "t", version)


def test_a_table_that_nothing_wrote_is_named_in_the_error(lake: Lake) -> None:
    assert not lake.exists("ratings") and lake.names() == []
    for use in (lake.open, lake.version, lake.scan, lake.history):
        with pytest.raises(MissingTableError, match="'ratings' does not exist yet"):
            use("ratings")
    with pytest.raises(MissingTableError):
        restore_version(lake, "ratings", 0)


def test_names_are_those_of_tables_only(lake: Lake) -> None:
    lake.write_frame(pl.DataFrame({"n": [1]}), "b")
    lake.write_frame(pl.DataFrame({"n": [1]}), "a")
    (lake.staging("purpose") / "x").write_text("x", encoding="utf-8")
    assert lake.names() == ["a", "b"]


def test_staging_is_empty_every_time(lake: Lake) -> None:
    (lake.staging("purpose") / "x").write_text("x", encoding="utf-8")
    assert list(lake.staging("purpose").iterdir()) == []


def test_a_version_whose_log_is_gone_is_not_held(lake: Lake) -> None:
    for item in (1, 2):
        lake.write_frame(pl.DataFrame({"item": [item]}), "interactions")
    assert lake.holds("interactions", 0) and not lake.holds("interactions", 9)
    lake.open("interactions").create_checkpoint()
    # As delta-rs does by itself after 30 days, at every hundredth version.
    (Path(lake.uri("interactions")) / "_delta_log" / f"{0:020}.json").unlink()
    assert not lake.holds("interactions", 0) and lake.holds("interactions", 1)
    with pytest.raises(ValueError, match=r"version 0 of interactions has been tidied away"):
        restore_version(lake, "interactions", 0)
