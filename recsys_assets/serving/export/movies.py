"""The catalogue of a bundle, and what of it users see whom nobody knows.

movie_features, user_segments -> catalogue, segments
"""

import polars as pl

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import (
    NEWCOMERS,
    SIMILAR_ITEMS,
    TOP_K,
    USER_SEGMENTS,
)
from recsys_assets.serving.bundle import EVERYBODY
from recsys_assets.serving.catalogue import write_catalogue
from recsys_assets.serving.export.draft import Export


def write_items(export: Export) -> pl.DataFrame:
    """All items that anything speaks of, with what the catalogue knows of them."""
    schema = {
        "item": pl.Int32,
        "title": pl.String,
        "year": pl.Int32,
        "genres": pl.List(pl.String),
        "rating_count": pl.Int64,
    }
    movies = export.scan(MOVIE_FEATURES, schema).collect()
    spoken_of = [
        export.scan(TOP_K, {"item": pl.Int32}),
        export.scan(SIMILAR_ITEMS, {"item": pl.Int32}),
        export.scan(SIMILAR_ITEMS, {"similar_item": pl.Int32}).rename({"similar_item": "item"}),
        export.scan(INTERACTIONS, {"item": pl.Int32}),
        movies.lazy().select("item"),
    ]
    items = pl.concat([frame.unique() for frame in spoken_of]).unique().sort("item").collect()
    full = items.join(movies, on="item", how="left", maintain_order="left")
    export.items = full["item"].to_numpy()
    described = full.select("item", "title", "year", "genres")
    export.facts |= write_catalogue(export.writer, described)
    export.facts["rows"]["items"] = full.height
    return full


def read_segments(export: Export, movies: pl.DataFrame) -> dict[str, tuple[list[int], list[float]]]:
    """The segments of what is published, as long as the bundle wants them."""
    schema = {"segment": pl.String, "rank": pl.Int32, "item": pl.Int32}
    newcomers = export.scan(USER_SEGMENTS, schema).collect()
    return segments_of(movies, newcomers, export.params.segment_length)


def segments_of(
    movies: pl.DataFrame, newcomers: pl.DataFrame, length: int
) -> dict[str, tuple[list[int], list[float]]]:
    """What newcomers rate, then what most people rated: of all movies, and of each genre.

    What nobody rated, or the catalogue does not know, is not popular. Scores are places from the
    end, for the two parts of a list have no other in common.
    """
    rated = movies.with_row_index("place").filter(pl.col("rating_count") > 0)
    by_genre = rated.explode("genres").drop_nulls("genres").rename({"genres": "segment"})
    of_all = rated.drop("genres").with_columns(segment=pl.lit(NEWCOMERS))
    ranked = (
        pl.concat([of_all, by_genre], how="diagonal")
        .join(newcomers, on=["segment", "item"], how="left")
        .sort("rank", "rating_count", "item", descending=[False, True, False], nulls_last=True)
    )
    found: dict[str, tuple[list[int], list[float]]] = {EVERYBODY: ([], [])}
    for (segment,), part in ranked.partition_by("segment", as_dict=True).items():
        places = part["place"].head(length).to_list()
        scores = [float(left) for left in range(len(places), 0, -1)]
        found[EVERYBODY if segment == NEWCOMERS else f"genre {segment}"] = places, scores
    return dict(sorted(found.items()))
