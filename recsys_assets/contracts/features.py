"""Contracts of the feature tables."""

import pandera.polars as pa
import polars as pl

MOVIE_FEATURES, USER_FEATURES, INTERACTIONS = "movie_features", "user_features", "interactions"
SPLITS = ("train", "validation", "test")
GAP_SPLIT = "gap"
"""Rows between two parts in time, which nobody learns from or is judged by."""
EVERY_PART = (*SPLITS, GAP_SPLIT)
"""All rows: what users have seen, whatever it was used for."""


class MovieFeatures(pa.DataFrameModel):
    """What is known of a movie: from its catalogue row and from all ratings it got."""

    item: pl.Int32 = pa.Field(ge=1, unique=True, description="The movie's id.")
    title: pl.String = pa.Field(description="Title as in the catalogue.")
    year: pl.Int32 = pa.Field(
        nullable=True,
        in_range={"min_value": 1870, "max_value": 2100},
        description="Year in parentheses at the end of the title, the first of a range; may miss.",
    )
    genres: pl.List(pl.String) = pa.Field(description="Genres; empty where none is listed.")  # type: ignore[valid-type]
    rating_count: pl.Int64 = pa.Field(ge=0, description="Ratings it got: its popularity.")
    rating_mean: pl.Float64 = pa.Field(
        nullable=True,
        in_range={"min_value": 0.5, "max_value": 5.0},
        description="Mean of its ratings; missing where it has none.",
    )
    last_rated: pl.Int64 = pa.Field(
        nullable=True, description="Its latest rating, seconds since 1970 UTC: its recency."
    )


class UserFeatures(pa.DataFrameModel):
    """What is known of a user from all their ratings."""

    user: pl.Int32 = pa.Field(ge=1, unique=True, description="The user's id.")
    rating_count: pl.Int64 = pa.Field(ge=1, description="Movies they rated.")
    rating_mean: pl.Float64 = pa.Field(
        in_range={"min_value": 0.5, "max_value": 5.0}, description="Mean of their ratings."
    )
    rating_deviation: pl.Float64 = pa.Field(
        ge=0, description="Standard deviation of their ratings (population)."
    )
    first_rated: pl.Int64 = pa.Field(description="Their first rating, seconds since 1970 UTC.")
    last_rated: pl.Int64 = pa.Field(description="Their latest rating, seconds since 1970 UTC.")
    favourite_genres: pl.List(pl.String) = pa.Field(  # type: ignore[valid-type]
        description="Up to three genres they rated most often, the most frequent first."
    )


class Interactions(pa.DataFrameModel):
    """One user–item pair with its latest rating, and the part of the split it belongs to."""

    user: pl.Int32 = pa.Field(ge=1, description="The user's id.")
    item: pl.Int32 = pa.Field(ge=1, description="The movie's id.")
    rating: pl.Float32 = pa.Field(
        in_range={"min_value": 0.5, "max_value": 5.0}, description="Stars of the latest rating."
    )
    timestamp: pl.Int64 = pa.Field(description="When, seconds since 1970 UTC.")
    split: pl.String = pa.Field(
        isin=list(EVERY_PART),
        description="train, validation, test, or gap: between two of them in time, used by none.",
    )
