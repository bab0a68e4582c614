"""Who is served well: users by how much is known of them, items by how popular they are.

Training rows come in, the segment of each user and the items of the long tail go out.
"""

from typing import Final

import polars as pl

NEW, LIGHT, MEDIUM, HEAVY = "new", "light", "medium", "heavy"
USER_SEGMENTS: Final = (NEW, LIGHT, MEDIUM, HEAVY)
LONG_TAIL: Final = "long_tail"
"""Segment of items outside the short head."""
HEAD_SHARE: Final = 0.8
"""Share of the training rows that the short head holds."""


def user_segments(train: pl.DataFrame, users: pl.Series) -> pl.DataFrame:
    """Return user, known, segment for each of `users`, in their order.

    - new: no training rows;
    - light, medium, heavy: the quarter of the others with the fewest training rows, the two in the
      middle, the quarter with the most; users of equally many rows are told apart by their ids.

    Args:
        train: rows with a column user.
        users: ids, each once.
    """
    counts = train.group_by("user").agg(known=pl.len())
    found = (
        users.alias("user").to_frame().join(counts, on="user", how="left", maintain_order="left")
    )
    known = pl.col("known").fill_null(0)
    has_rows = known > 0
    place = pl.struct(known, "user").rank("ordinal") - (~has_rows).sum()
    share = place / has_rows.sum()
    segment = (
        pl.when(~has_rows)
        .then(pl.lit(NEW))
        .when(share <= 0.25)
        .then(pl.lit(LIGHT))
        .when(share <= 0.75)
        .then(pl.lit(MEDIUM))
        .otherwise(pl.lit(HEAVY))
    )
    return found.select("user", known=known, segment=segment)


def long_tail_items(train: pl.DataFrame) -> pl.Series:
    """Items outside the short head, ascending.

    The head is the fewest most popular items that hold `HEAD_SHARE` of the rows; equally popular
    items enter it by id.
    """
    counts = train.group_by("item").len().sort("len", "item", descending=[True, False])
    before = pl.col("len").cum_sum() - pl.col("len")
    return counts.filter(before >= HEAD_SHARE * train.height)["item"].sort()
