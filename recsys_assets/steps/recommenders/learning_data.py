"""The lake's tables as what recommenders learn from.

interactions -> RatingData, movie_features -> ItemContent
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories, build_catalogue
from recsys_assets.kernels.recommenders.protocol import ItemContent, RatingData, rating_data
from recsys_assets.kernels.titles import without_year
from recsys_assets.kernels.vectors import places_of
from recsys_assets.lake.tables import Lake


def read_training(lake: Lake, splits: Sequence[str] = ("train",)) -> RatingData:
    """Ratings of some parts of the split."""
    table = lake.scan(INTERACTIONS).filter(pl.col("split").is_in(list(splits)))
    return rating_data(table.select("user", "item", "rating", "timestamp").collect())


def read_content(lake: Lake) -> ItemContent | None:
    """Titles, years and genres of all movies; None where no catalogue has landed."""
    if not lake.exists(MOVIE_FEATURES):
        return None
    rows = lake.scan(MOVIE_FEATURES).select("item", "title", "year", "genres").sort("item")
    table = rows.collect()
    return ItemContent(
        table["item"].to_numpy(),
        [without_year(title) for title in table["title"]],
        table["year"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        table["genres"].to_list(),
    )


def full_histories(catalogue: Catalogue, ratings: RatingData) -> Histories:
    """All ratings of users over a fitted catalogue; items it does not hold are left out.

    Users the catalogue was fitted on keep their row, so that none explains themselves.
    """
    own = build_catalogue(ratings, None)
    column, known = places_of(ratings.items, catalogue.items)
    kept = np.flatnonzero(known)
    stars = own.train.stars[:, kept]
    times = None if own.train.times is None else own.train.times[:, kept]
    for matrix in (stars, times):
        if matrix is not None:
            matrix.indices = column[kept][matrix.indices].astype(np.int32)
            matrix.resize((len(ratings.users), len(catalogue.items)))
    row, trained = places_of(ratings.users, catalogue.users)
    return Histories(stars, times, np.where(trained, row, -1))
