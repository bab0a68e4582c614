"""A small example of known answers, shared by the ranking, rating and click tests.

Figures: the unit tests of the `recommenders` library, recomputed with independent formulas.
"""

import polars as pl

_TRUTH = {
    1: [(3, 3), (1, 5), (2, 4)],
    2: [(1, 5), (4, 5), (5, 3), (6, 3), (7, 1)],
    3: [(2, 5), (5, 5), (6, 5), (8, 4), (9, 4), (10, 3), (11, 3), (12, 3), (13, 2), (14, 1)],
}
_PREDICTIONS = {
    1: [(12, 12), (3, 14), (10, 13)],
    2: [(10, 14), (3, 13), (5, 12), (11, 11), (13, 10)],
    3: [(4, 14), (10, 13), (7, 12), (13, 11), (1, 10), (3, 9), (5, 8), (2, 7), (11, 6), (14, 5)],
}


def _frame(rows: dict[int, list[tuple[int, int]]], value: str) -> pl.DataFrame:
    flat = [(user, *pair) for user, pairs in rows.items() for pair in pairs]
    return pl.DataFrame(
        flat, schema={"user": pl.Int64, "item": pl.Int64, value: pl.Float64}, orient="row"
    )


def ratings() -> pl.DataFrame:
    """Return the true ratings: user, item, rating."""
    return _frame(_TRUTH, "rating")


def predictions() -> pl.DataFrame:
    """Return the predicted scores: user, item, score."""
    return _frame(_PREDICTIONS, "score")


def joined() -> pl.DataFrame:
    """Return the 8 pairs that were both rated and predicted: user, item, rating, score."""
    return ratings().join(predictions(), on=["user", "item"])


def ranked(predictions: pl.DataFrame, k: int) -> pl.DataFrame:
    """Return the k best of each user, with their ranks; equal scores follow the item."""
    ordered = predictions.sort("user", "score", "item", descending=[False, True, False])
    ranks = ordered.with_columns(rank=pl.int_range(1, pl.len() + 1).over("user"))
    return ranks.filter(pl.col("rank") <= k)
