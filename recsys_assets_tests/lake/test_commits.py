"""Files become a whole table in one commit, whatever the table held before."""

from pathlib import Path

import polars as pl
import pyarrow as pa

from recsys_assets.lake.tables import DataFile, Lake

SCHEMA = pa.schema([("number", pa.int64()), ("part", pa.string())])


def written(lake: Lake, name: str, numbers: list[int], part: str | None = None) -> DataFile:
    folder = Path(lake.uri("numbers")) / (f"part={part}" if part else "")
    folder.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"number": numbers} | ({} if part else {"part": ["x"] * len(numbers)}))
    frame.write_parquet(folder / name)
    return DataFile(folder / name, len(numbers))


def test_files_are_the_table_in_their_order(lake: Lake) -> None:
    files = [written(lake, "b.parquet", [3, 1]), written(lake, "a.parquet", [2])]
    version = lake.replace_files("numbers", files, SCHEMA, "first")
    assert lake.scan("numbers").collect()["number"].to_list() == [3, 1, 2]
    assert lake.history("numbers")[0]["note"] == "first"
    assert version == lake.version("numbers")


def test_new_files_take_the_place_of_all_old_ones(lake: Lake) -> None:
    old = [written(lake, "1.parquet", [1], "a"), written(lake, "2.parquet", [2], "b")]
    first = lake.replace_files("numbers", old, SCHEMA, "old", partition_by=["part"])
    new = [written(lake, "3.parquet", [3], "b")]
    second = lake.replace_files("numbers", new, SCHEMA, "new", partition_by=["part"])
    assert second == first + 1
    assert lake.scan("numbers").collect().rows() == [(3, "b")]
    assert sorted(lake.scan("numbers", first).collect().rows()) == [(1, "a"), (2, "b")]


def test_new_files_may_bring_new_columns(lake: Lake) -> None:
    lake.replace_files("numbers", [written(lake, "1.parquet", [1])], SCHEMA, "old")
    path = Path(lake.uri("numbers")) / "2.parquet"
    pl.DataFrame({"number": [2], "part": ["y"], "more": [0.5]}).write_parquet(path)
    wider = SCHEMA.append(pa.field("more", pa.float64()))
    lake.replace_files("numbers", [DataFile(path, 1)], wider, "new")
    assert lake.scan("numbers").collect().rows() == [(2, "y", 0.5)]
