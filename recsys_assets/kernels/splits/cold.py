"""Whole users or whole items held out: training knows nothing of them.

- cold-users: those who came last. Only what was rated before the first of them came is trained on,
  as it would be on that day; later rows of the other users belong to no part.
- cold-items: drawn by a hash of item and seed, of all years alike.
"""

from typing import Final, Literal, get_args

import numpy as np
import polars as pl

from recsys_assets.kernels.splits.hashes import pair_hashes
from recsys_assets.kernels.splits.parts import SplitError

ColdMethod = Literal["cold-users", "cold-items"]
COLD_METHODS: Final[tuple[str, ...]] = get_args(ColdMethod)


def without_newest_users(ratings: pl.DataFrame, ratio: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training rows of the users who came first, all rows of those who came last.

    A user comes with their first rating; of two at one moment the one of the lesser id comes first.

    Args:
        ratings: user, item, timestamp (seconds since 1970).
        ratio: share of the users to train on, between 0 and 1.

    Raises:
        SplitError: a missing column, a ratio outside (0, 1), or an empty part.
    """
    _check(ratings, ("user", "item", "timestamp"), ratio)
    came = ratings.group_by("user").agg(came=pl.col("timestamp").min()).sort("came", "user")
    new = came[round(ratio * came.height) :]
    test = ratings.join(new.select("user"), on="user", how="semi", maintain_order="left")
    known = ratings.join(new.select("user"), on="user", how="anti", maintain_order="left")
    if new.is_empty():
        return _both(known, test)
    return _both(known.filter(pl.col("timestamp") < new["came"][0]), test)


def without_items(
    ratings: pl.DataFrame, ratio: float, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training rows of some items, all rows of the others.

    Args:
        ratings: user, item.
        ratio: share of the items to train on, between 0 and 1.
        seed: another seed holds out other items.

    Raises:
        SplitError: a missing column, a ratio outside (0, 1), or an empty part.
    """
    _check(ratings, ("user", "item"), ratio)
    items = ratings["item"].unique().sort().to_numpy()
    drawn = items[np.argsort(pair_hashes(items, items, seed), kind="stable")]
    held_out = pl.Series(drawn[round(ratio * len(items)) :], dtype=ratings.schema["item"])
    cold = pl.col("item").is_in(held_out.implode())
    return _both(ratings.filter(~cold), ratings.filter(cold))


def _both(train: pl.DataFrame, test: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    for rows, purpose in ((train, "train on"), (test, "test by")):
        if rows.is_empty():
            raise SplitError(f"nothing is left to {purpose}: choose another ratio")
    return train, test


def _check(ratings: pl.DataFrame, columns: tuple[str, ...], ratio: float) -> None:
    missing = [name for name in columns if name not in ratings.columns]
    if missing:
        raise SplitError(f"a split of whole users or items needs columns {', '.join(columns)}")
    if not 0 < ratio < 1:
        raise SplitError(f"the share to train on must be above 0 and below 1, not {ratio}")
    if ratings.is_empty():
        raise SplitError("there are no rows to split: bring ratings")
