"""Writes generated data as the files somebody would drop into a landing zone.

A size and a seed go in; dated files come out, oldest first, each renamed into place only when
complete. Equal arguments give equal bytes.
"""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from recsys_assets.synthetic.criteo import click_batches
from recsys_assets.synthetic.movielens import MovieLensSize, generate_movies, generate_ratings

ROWS_PER_WRITE = 500_000

Progress = Callable[[int], None]
"""Called with the number of rows written since the call before."""


class DroppedFile(NamedTuple):
    """One file as it landed."""

    dataset: str
    path: Path
    date: datetime.date


def write_movielens(
    folder: Path,
    size: MovieLensSize,
    seed: int,
    last_day: datetime.date,
    drops: int,
    *,
    on_progress: Progress = lambda rows: None,
) -> list[DroppedFile]:
    """Write movies.csv once, with the first drop, and one ratings-YYYY-MM-DD.csv per drop.

    The drops are the last `drops` days. Each file holds the ratings given on its day (UTC) in the
    order of time; the first also holds everything before. A day without ratings has no file.
    Raises ValueError if there are more drops than `size.days`.
    """
    days = _drop_days(last_day, drops, most=size.days)
    movies = generate_movies(size, seed)
    ratings = generate_ratings(size, seed, movies, last_day).sort("timestamp", "userId", "movieId")
    folder.mkdir(parents=True, exist_ok=True)
    dropped = [DroppedFile("movies", folder / "movies.csv", days[0])]
    _write_csv(dropped[0].path, movies, on_progress)
    start = 0
    for day in days:
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()
        end = int(ratings["timestamp"].search_sorted(int(midnight) + 86_400))
        if start == end:
            continue
        path = folder / f"ratings-{day.isoformat()}.csv"
        _write_csv(path, ratings[start:end], on_progress)
        dropped.append(DroppedFile("ratings", path, day))
        start = end
    return dropped


def write_clicks(
    folder: Path,
    rows: int,
    seed: int,
    last_day: datetime.date,
    drops: int,
    *,
    on_progress: Progress = lambda rows: None,
) -> list[DroppedFile]:
    """Write one clicks-YYYY-MM-DD.tsv per drop, in the form of Criteo: 40 fields, no header.

    The rows are shared out evenly over the last `drops` days, in order. Raises ValueError if there
    are more drops than rows.
    """
    days = _drop_days(last_day, drops, most=rows)
    folder.mkdir(parents=True, exist_ok=True)
    dropped = []
    for number, day in enumerate(days):
        start, end = rows * number // drops, rows * (number + 1) // drops
        path = folder / f"clicks-{day.isoformat()}.tsv"
        with _atomic(path) as file:
            for batch in click_batches(end - start, seed, first_row=start):
                batch.write_csv(file, separator="\t", include_header=False)
                on_progress(batch.height)
        dropped.append(DroppedFile("clicks", path, day))
    return dropped


def _drop_days(last_day: datetime.date, drops: int, most: int) -> list[datetime.date]:
    if not 1 <= drops <= most:
        raise ValueError(f"{drops} drops asked for, but this data fills 1 to {most}")
    return [last_day - datetime.timedelta(days=ago) for ago in reversed(range(drops))]


def _write_csv(path: Path, frame: pl.DataFrame, on_progress: Progress) -> None:
    with _atomic(path) as file:
        frame.clear().write_csv(file)
        for part in frame.iter_slices(ROWS_PER_WRITE):
            part.write_csv(file, include_header=False)
            on_progress(part.height)


@contextmanager
def _atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a hidden neighbour for writing and rename it to `path` only if the body succeeds."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
