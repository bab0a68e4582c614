"""Contracts of the tables that consumers read."""

import pandera.polars as pa
import polars as pl

TOP_K, SIMILAR_ITEMS, POPULAR_MOVIES = "top_k", "similar_items", "popular_movies"
USER_SEGMENTS = "user_segments"
NEWCOMERS = "newcomers"
"""Segment of users of whom nothing at all is known."""


class TopK(pa.DataFrameModel):
    """One recommended movie of one user."""

    user: pl.Int32 = pa.Field(ge=1, description="The user's id.")
    rank: pl.Int32 = pa.Field(ge=1, description="Place in the user's list, 1 the best.")
    item: pl.Int32 = pa.Field(ge=1, description="A movie the user has not rated.")
    score: pl.Float32 = pa.Field(description="The model's score; comparable within one user only.")
    reason: pl.String = pa.Field(description="Why it is recommended, for people.")
    reason_item: pl.Int32 = pa.Field(nullable=True, description="The rated movie named in it.")
    model: pl.String = pa.Field(description="Name of the model.")
    model_version: pl.Int64 = pa.Field(ge=0, description="Its version in the registry.")


class SimilarItems(pa.DataFrameModel):
    """One movie that is liked by the same people as another."""

    item: pl.Int32 = pa.Field(ge=1, description="The movie asked about.")
    rank: pl.Int32 = pa.Field(ge=1, description="Place in its list, 1 the most similar.")
    similar_item: pl.Int32 = pa.Field(ge=1, description="The similar movie.")
    similarity: pl.Float32 = pa.Field(
        in_range={"min_value": -1.001, "max_value": 1.001},
        description="Cosine of the two item vectors, 1 for the same direction.",
    )
    model_version: pl.Int64 = pa.Field(ge=0, description="Version of als_model it comes from.")


class PopularMovies(pa.DataFrameModel):
    """One of the best-rated movies among those that enough people rated."""

    rank: pl.Int32 = pa.Field(ge=1, unique=True, description="Place by mean rating, 1 the best.")
    item: pl.Int32 = pa.Field(ge=1, unique=True, description="The movie's id.")
    title: pl.String = pa.Field(description="Its title.")
    rating_count: pl.Int64 = pa.Field(ge=1, description="Ratings it got.")
    rating_mean: pl.Float64 = pa.Field(description="Their mean.")
    popularity_rank: pl.Int32 = pa.Field(ge=1, description="Place by number of ratings.")


class UserSegments(pa.DataFrameModel):
    """One movie for users of whom no rating is known."""

    segment: pl.String = pa.Field(description="newcomers, or the genre they say they like.")
    rank: pl.Int32 = pa.Field(ge=1, description="Place in the segment's list, 1 the best.")
    item: pl.Int32 = pa.Field(ge=1, description="The movie's id.")
    title: pl.String = pa.Field(description="Its title.")
    score: pl.Float32 = pa.Field(description="Comparable within one segment only.")
    reason: pl.String = pa.Field(description="Why it is recommended, for people.")
