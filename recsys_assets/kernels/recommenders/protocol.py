"""What recommenders learn from and what they answer, whoever fits or judges them.

rows of ratings -> RatingData, rows of movies -> ItemContent -> Recommender -> scores
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Ids = NDArray[np.int32]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class RatingData:
    """Ratings of one part of a split as a matrix over sorted ids."""

    users: Ids
    """Ids of the rows, ascending, distinct."""
    items: Ids
    """Ids of the columns, ascending, distinct."""
    stars: csr_matrix
    """Users x items, float32, one stored entry per rated pair."""
    times: csr_matrix | None
    """The same pattern, float64 seconds since 1970; None where the file has none."""


@dataclass(frozen=True)
class ItemContent:
    """What is known about items apart from ratings; may hold items nobody rated."""

    items: Ids
    """Ids, ascending, distinct; everything else is in their order."""
    titles: list[str]
    """Titles without the year."""
    years: NDArray[np.float32]
    """Year of release, NaN where unknown."""
    genres: list[list[str]]
    """Genres of each item."""


class Recommender(Protocol):
    """Scores every item of its catalogue for any user."""

    @property
    def items(self) -> Ids:
        """The catalogue it scores, ascending: rated items and items known by content only."""
        ...

    def scores(self, users: Ids) -> Scores:
        """Scores of all items, higher is better; users x items, never NaN.

        Minus infinity where the model has no opinion. A user unknown in training gets the
        answer for cold users.
        """
        ...


def rating_data(frame: pl.DataFrame) -> RatingData:
    """Rows of ratings as a matrix; of two rows for one pair the later one is kept.

    Args:
        frame: user, item, rating, and maybe ``timestamp`` (seconds since 1970). Later means a
            greater time, or further down where there are no times.

    Raises:
        ValueError: a column is missing, or a rating is null, NaN or infinite.
    """
    rows = _clean_rows(frame)
    users, user_places = np.unique(rows["user"].to_numpy(), return_inverse=True)
    items, item_places = np.unique(rows["item"].to_numpy(), return_inverse=True)
    shape = (len(users), len(items))
    bounds = np.searchsorted(user_places, np.arange(len(users) + 1)).astype(np.int32)
    places = item_places.astype(np.int32)
    stars = csr_matrix((rows["rating"].to_numpy(), places, bounds), shape=shape)
    times = None
    if "time" in rows.columns:
        times = csr_matrix((rows["time"].to_numpy(), places.copy(), bounds.copy()), shape=shape)
    return RatingData(users.astype(np.int32), items.astype(np.int32), stars, times)


def _clean_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by user and item, without doubles; ``time`` where the frame knows one."""
    missing = [name for name in ("user", "item", "rating") if name not in frame.columns]
    if missing:
        raise ValueError(
            f"the ratings have no column {', '.join(missing)}: they have "
            f"{', '.join(frame.columns) or 'no column at all'}, and need user, item and rating"
        )
    columns = {
        "user": pl.col("user").cast(pl.Int32),
        "item": pl.col("item").cast(pl.Int32),
        "rating": pl.col("rating").cast(pl.Float32),
    }
    if "timestamp" in frame.columns:
        columns["time"] = pl.col("timestamp").cast(pl.Float64)
    rows = frame.select(**columns)
    bad = rows.filter(pl.any_horizontal(pl.all().is_null()) | ~pl.col("rating").is_finite())
    if bad.height:
        raise ValueError(f"{bad.height} of {rows.height} ratings are empty or no number: {bad[0]}")
    order = [name for name in ("user", "item", "time") if name in rows.columns]
    ordered = rows.sort(order, maintain_order=True)
    return ordered.unique(["user", "item"], keep="last", maintain_order=True)
