"""The models' tables as arrays: what evaluation and publication both read from the lake."""

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.models import ALS_FACTORS, POPULARITY
from recsys_assets.kernels.top_k import Ints
from recsys_assets.kernels.vectors import Vectors, factor_matrix
from recsys_assets.lake.tables import Lake


def read_vectors(lake: Lake, task: str) -> Vectors:
    """The vectors of a task (``ranking`` or ``rating``) from the table ``als_factors``."""
    table = lake.scan(ALS_FACTORS).filter(task=task).sort("id").collect()
    user, item = (table.filter(side=side) for side in ("user", "item"))
    return Vectors(
        user["id"].to_numpy(),
        item["id"].to_numpy(),
        factor_matrix(user["factors"]),
        factor_matrix(item["factors"]),
    )


def popularity_vectors(lake: Lake, users: Ints) -> Vectors:
    """Popularity as one factor, the same for all users: the more popular, the greater.

    The factor is the item's place from the end of the list, not its count, so that no two items
    tie and everybody is judged by the very list that the popularity model serves.
    """
    counts = lake.scan(POPULARITY).sort("rating_count", "item", descending=[False, True])
    table = counts.select("item", place=pl.int_range(1, pl.len() + 1)).sort("item").collect()
    ones = np.ones((len(users), 1), np.float32)
    places = table["place"].to_numpy().astype(np.float32)[:, np.newaxis]
    return Vectors(users, table["item"].to_numpy(), ones, places)


def read_ratings(lake: Lake, vectors: Vectors, splits: tuple[str, ...]) -> csr_matrix:
    """Users × items: the stars of the pairs that stand in one of the parts of the split."""
    table = lake.scan(INTERACTIONS).filter(pl.col("split").is_in(splits))
    pairs = table.select("user", "item", "rating").collect()
    return vectors.matrix(*(pairs[name].to_numpy() for name in ("user", "item", "rating")))


def read_titles(lake: Lake) -> dict[int, str]:
    """Item → title; empty where no catalogue has landed."""
    if not lake.exists(MOVIE_FEATURES):
        return {}
    return dict(lake.scan(MOVIE_FEATURES).select("item", "title").collect().iter_rows())
