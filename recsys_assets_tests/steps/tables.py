"""Tables written straight into the lake, so that a step can be tried without those before it."""

import datetime
from collections.abc import Sequence

import numpy as np
import polars as pl

from recsys_assets.contracts.features import Interactions
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.lake.tables import DROP_DATE, Lake

Rating = tuple[int, int, float, int]

RATING_SCHEMA = {
    "user": pl.Int32,
    "item": pl.Int32,
    "rating": pl.Float32,
    "timestamp": pl.Int64,
}
FIRST_DROP = datetime.date(2026, 1, 1)


def write_ratings(lake: Lake, *drops: Sequence[Rating]) -> None:
    """The table ``ratings`` as validation leaves it, a partition per drop."""
    for number, rows in enumerate(drops):
        date = FIRST_DROP + datetime.timedelta(days=number)
        frame = pl.DataFrame(rows, schema=RATING_SCHEMA, orient="row").with_columns(
            pl.lit("ratings.csv").alias("file"), pl.lit(date).alias(DROP_DATE)
        )
        lake.write_frame(frame, "ratings", {DROP_DATE: date.isoformat()})


def write_movies(lake: Lake, *drops: Sequence[tuple[int, str, str]]) -> None:
    """The table ``movies`` as validation leaves it, a partition per drop."""
    schema = {"item": pl.Int32, "title": pl.String, "genres": pl.String}
    for number, rows in enumerate(drops):
        date = FIRST_DROP + datetime.timedelta(days=number)
        frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
            pl.lit("movies.csv").alias("file"), pl.lit(date).alias(DROP_DATE)
        )
        lake.write_frame(frame, "movies", {DROP_DATE: date.isoformat()})


def write_interactions(lake: Lake, rows: Sequence[tuple[int, int, float, int, str]]) -> None:
    """The table ``interactions``: user, item, stars, time, part of the split."""
    frame = pl.DataFrame(rows, schema=polars_schema(Interactions), orient="row")
    lake.write_frame(frame, "interactions")


def random_interactions(
    users: int = 60, items: int = 40, share: float = 0.3, seed: int = 5
) -> list[tuple[int, int, float, int, str]]:
    """Ratings with a taste to find: users like every third item, shifted by their number."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(1, users + 1):
        for item in range(1, items + 1):
            likes = (user + item) % 3 == 0
            if rng.random() < share * (2.0 if likes else 0.4):
                stars = float(rng.choice([4.0, 4.5, 5.0] if likes else [1.0, 2.5, 3.0]))
                part = rng.choice(["train", "validation", "test"], p=[0.75, 0.05, 0.2])
                rows.append((user, item, stars, 1_700_000_000 + item, str(part)))
    return rows
