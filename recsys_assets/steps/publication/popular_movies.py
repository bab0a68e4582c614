"""The best-rated among the well-known movies.

movie_features -> popular_movies
"""

import polars as pl
from pydantic import Field

from recsys_assets.contracts.features import MOVIE_FEATURES
from recsys_assets.contracts.recommendations import POPULAR_MOVIES
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import StepReport, not_landed
from recsys_assets.steps.session import Session

FULL_SIZE = 20_000_263
"""Ratings of the data set at which 508 ratings make a movie well known."""


class PopularMoviesParams(StepParams):
    """Which movies count as well known."""

    min_ratings: int = Field(default=508, ge=1)
    """Ratings a movie needs at full size (20,000,263 ratings) and beyond."""
    least: int = Field(default=10, ge=1)
    """Ratings it needs however small the data are."""

    def needed(self, ratings: int) -> int:
        """Ratings a movie needs where there are so many in all: in proportion below full size."""
        in_proportion = round(self.min_ratings * ratings / FULL_SIZE)
        return min(self.min_ratings, max(self.least, in_proportion))


def list_popular_movies(session: Session, params: PopularMoviesParams) -> StepReport:
    """Publish the best-rated among the well-known movies.

    A movie is well known with 508 ratings where there are 20,000,263 of them or more; on smaller
    data in proportion, but with 10 ratings at the least. Both numbers are parameters. Where no
    movie has as many, those that have most are.
    """
    if not session.lake.exists(MOVIE_FEATURES):
        return not_landed("movies")
    movies = session.lake.scan(MOVIE_FEATURES).collect()
    counts = movies["rating_count"].to_list()
    # Few users rate no movie ten times; without a row here nothing would be served to them.
    needed = min(params.needed(sum(counts)), max([1, *counts]))
    rows = (
        movies.sort("rating_count", "item", descending=[True, False])
        .with_columns(popularity_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
        .filter(pl.col("rating_count") >= needed)
        .sort("rating_mean", "rating_count", "item", descending=[True, True, False])
        .select(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            "item",
            "title",
            "rating_count",
            "rating_mean",
            "popularity_rank",
        )
    )
    version = session.lake.write_frame(rows, POPULAR_MOVIES)
    return StepReport(
        rows={POPULAR_MOVIES: rows.height},
        versions={POPULAR_MOVIES: version},
        figures={"min_ratings": needed},
        tables={"Best rated": rows.head(20).to_dicts()},
    )
