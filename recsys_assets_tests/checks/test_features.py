import polars as pl
import pytest

from recsys_assets.checks.features import (
    every_part_has_rows,
    pairs_are_unique,
    rated_movies_are_known,
    years_are_found,
)
from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.steps.tables import write_interactions

Row = tuple[int, int, float, int, str]


def write_movie_features(storage: Storage, years: list[int | None]) -> None:
    rows = [(n, f"Movie {n}", year, [], 1, 3.0, 1) for n, year in enumerate(years, 1)]
    frame = pl.DataFrame(rows, schema=polars_schema(MovieFeatures), orient="row")
    storage.lake.write_frame(frame, "movie_features")


@pytest.mark.parametrize(
    ("rows", "doubles"),
    [
        ([(1, 1, 3.0, 1, "train"), (1, 2, 3.0, 1, "train")], 0),
        ([(1, 1, 3.0, 1, "train"), (1, 1, 4.0, 1, "test"), (2, 1, 3.0, 1, "train")], 1),
    ],
)
def test_doubles_are_counted(storage: Storage, rows: list[Row], doubles: int) -> None:
    write_interactions(storage.lake, rows)
    result = pairs_are_unique(storage)
    assert result.passed == (doubles == 0)
    assert result.metadata["doubles"].value == doubles


@pytest.mark.parametrize(
    ("parts", "passed"),
    [(("train", "test"), True), (("train", "validation"), False), (("test",), False)],
)
def test_training_and_test_parts_are_needed(
    storage: Storage, parts: tuple[str, ...], passed: bool
) -> None:
    write_interactions(storage.lake, [(n, 1, 3.0, 1, part) for n, part in enumerate(parts, 1)])
    assert every_part_has_rows(storage).passed == passed


def test_rated_movies_outside_the_catalogue_are_named(storage: Storage) -> None:
    write_movie_features(storage, [1990, 1991])
    write_interactions(storage.lake, [(1, 1, 3.0, 1, "train"), (1, 2, 3.0, 1, "train")])
    assert rated_movies_are_known(storage).passed
    write_interactions(storage.lake, [(1, 1, 3.0, 1, "train"), (1, 9, 3.0, 1, "train")])
    result = rated_movies_are_known(storage)
    assert not result.passed
    assert result.metadata["examples"].value == "9"


@pytest.mark.parametrize(("missing", "passed"), [(1, True), (2, False)])
def test_nine_in_ten_titles_need_a_year(storage: Storage, missing: int, passed: bool) -> None:
    write_movie_features(storage, [None] * missing + [1990] * (10 - missing))
    assert years_are_found(storage).passed == passed
