"""The catalogue of a bundle, and what most people rated of it.

movie_features -> catalogue, segments
"""

import polars as pl

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
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


def segments_of(movies: pl.DataFrame, length: int) -> dict[str, tuple[list[int], list[float]]]:
    """What most people rated: of all movies, and of each genre.

    What nobody rated, or the catalogue does not know, is not popular.
    """
    ranked = (
        movies.with_row_index("place")
        .filter(pl.col("rating_count") > 0)
        .sort("rating_count", "item", descending=[True, False])
    )
    by_genre = ranked.explode("genres").drop_nulls("genres")
    parts = by_genre.partition_by("genres", as_dict=True, maintain_order=True)
    named = {EVERYBODY: ranked, **{f"genre {genre}": part for (genre,), part in parts.items()}}
    return {
        name: (
            part["place"].head(length).to_list(),
            part["rating_count"].head(length).cast(pl.Float64).to_list(),
        )
        for name, part in sorted(named.items())
    }
