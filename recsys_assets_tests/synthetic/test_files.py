"""The written files: equal bytes, whole files only, and what a reader gets back."""

import csv
import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.synthetic import files
from recsys_assets.synthetic.criteo import COLUMNS, click_batches
from recsys_assets.synthetic.files import DroppedFile, write_clicks, write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize, generate_movies, generate_ratings

SIZE = MovieLensSize(users=80, movies=300, ratings=4_000, days=30)
LAST_DAY = datetime.date(2025, 3, 2)
DAYS = [datetime.date(2025, 2, 28), datetime.date(2025, 3, 1), LAST_DAY]


def _bytes(dropped: list[DroppedFile]) -> dict[str, bytes]:
    return {drop.path.name: drop.path.read_bytes() for drop in dropped}


def test_movielens_files_are_dated_and_named(tmp_path: Path) -> None:
    dropped = write_movielens(tmp_path / "new", SIZE, 3, LAST_DAY, 3)
    assert [(d.dataset, d.path.name, d.date) for d in dropped] == [
        ("movies", "movies.csv", DAYS[0]),
        ("ratings", "ratings-2025-02-28.csv", DAYS[0]),
        ("ratings", "ratings-2025-03-01.csv", DAYS[1]),
        ("ratings", "ratings-2025-03-02.csv", DAYS[2]),
    ]
    assert {d.path for d in dropped} == set((tmp_path / "new").iterdir())


def test_ratings_land_on_their_day_and_none_is_lost(tmp_path: Path) -> None:
    dropped = write_movielens(tmp_path, SIZE, 3, LAST_DAY, 3)[1:]
    parts = [pl.read_csv(drop.path) for drop in dropped]
    for number, (part, day) in enumerate(zip(parts, DAYS, strict=True)):
        dates = pl.from_epoch(part["timestamp"]).dt.date()
        assert part["timestamp"].is_sorted()
        assert (dates <= day).all() if number == 0 else (dates == day).all()
        assert part.height > 0
    expected = generate_ratings(SIZE, 3, generate_movies(SIZE, 3), LAST_DAY)
    assert_frame_equal(pl.concat(parts), expected, check_row_order=False)


def test_a_day_without_ratings_has_no_file(tmp_path: Path) -> None:
    size = MovieLensSize(users=5, movies=20, ratings=40, days=30)
    dropped = write_movielens(tmp_path, size, 3, LAST_DAY, 30)[1:]
    assert 0 < len(dropped) < 30
    assert all(pl.read_csv(drop.path).height for drop in dropped)
    assert sum(pl.read_csv(drop.path).height for drop in dropped) == 40


def test_titles_survive_quoting(tmp_path: Path) -> None:
    movies = generate_movies(SIZE, 3)
    path = write_movielens(tmp_path, SIZE, 3, LAST_DAY, 1)[0].path
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["movieId", "title", "genres"]
    assert rows == [[str(value) for value in row] for row in movies.iter_rows()]
    text = path.read_text(encoding="utf-8")
    assert '"""' in text
    assert ", The (" in text
    assert not text.isascii()


def test_clicks_come_back_as_they_were_made(tmp_path: Path) -> None:
    dropped = write_clicks(tmp_path, 2_501, 3, LAST_DAY, 3)
    assert [(d.dataset, d.path.name, d.date) for d in dropped] == [
        ("clicks", f"clicks-{day.isoformat()}.tsv", day) for day in DAYS
    ]
    heights = [len(d.path.read_bytes().splitlines()) for d in dropped]
    assert heights == [833, 834, 834]
    schema = {name: pl.String if name[0] == "C" else pl.Int64 for name in COLUMNS}
    back = pl.concat(
        pl.read_csv(d.path, separator="\t", has_header=False, schema=schema) for d in dropped
    )
    assert_frame_equal(back, next(click_batches(2_501, 3)))


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    def write(folder: Path, seed: int) -> dict[str, bytes]:
        clicks = write_clicks(folder, 1_000, seed, LAST_DAY, 2)
        return _bytes([*clicks, *write_movielens(folder, SIZE, seed, LAST_DAY, 2)])

    first, again, other = (write(tmp_path / n, seed) for n, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_progress_adds_up_to_the_rows_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROWS_PER_WRITE", 700)
    steps: list[int] = []
    write_movielens(tmp_path, SIZE, 3, LAST_DAY, 2, on_progress=steps.append)
    assert sum(steps) == SIZE.movies + SIZE.ratings
    assert max(steps) == 700
    steps.clear()
    write_clicks(tmp_path, 1_234, 3, LAST_DAY, 4, on_progress=steps.append)
    assert sum(steps) == 1_234


def test_an_interrupted_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    old = write_clicks(tmp_path, 100, 3, LAST_DAY, 1)[0].path
    before = old.read_bytes()

    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clicks(tmp_path, 200, 4, LAST_DAY, 1, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == before


def test_impossible_drops_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="31 drops asked for, but this data fills 1 to 30"):
        write_movielens(tmp_path, SIZE, 3, LAST_DAY, 31)
    with pytest.raises(ValueError, match="0 drops asked for"):
        write_clicks(tmp_path, 10, 3, LAST_DAY, 0)
    assert list(tmp_path.iterdir()) == []
