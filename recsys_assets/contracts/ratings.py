"""Ratings: what one row must be, and the published forms in which ratings arrive."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect

_FIELDS = ("user", "item", "rating", "timestamp")


class Ratings(pa.DataFrameModel):
    """One rating that a user gave a movie."""

    user: pl.Int32 = pa.Field(ge=1, description="Who rated: the user's id, 1 or more.")
    item: pl.Int32 = pa.Field(ge=1, description="What was rated: the movie's id, 1 or more.")
    rating: pl.Float32 = pa.Field(
        in_range={"min_value": 0.5, "max_value": 5.0},
        description="Stars, 0.5 (worst) to 5 (best) in half steps.",
    )
    timestamp: pl.Int64 = pa.Field(
        in_range={"min_value": 631_152_000, "max_value": 4_102_444_800},
        description="When: seconds since 1970-01-01 UTC, between 1990 and 2100.",
    )

    @pa.check("rating")
    @classmethod
    def half_step(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """Ratings come in half stars."""
        return data.lazyframe.select((pl.col(data.key) * 2) % 1 == 0)


def _with_header(*names: str) -> Dialect:
    return Dialect(f"ratings.csv ({names[0]})", ",", _FIELDS, header=names, quoted=True)


RATINGS = Dataset(
    name="ratings",
    model=Ratings,
    dialects=(
        _with_header("userId", "movieId", "rating", "timestamp"),
        _with_header("user", "item", "rating", "timestamp"),
        Dialect("ratings.dat", "::", _FIELDS),
        Dialect("u.data", "\t", _FIELDS),
    ),
    key=("user", "item"),
    latest="timestamp",
)
"""Ratings as MovieLens publishes them; of two ratings for one pair the later one is kept."""
