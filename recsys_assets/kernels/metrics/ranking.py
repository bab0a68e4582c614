"""Ranking metrics: ranked lists and relevant items come in, one row of metrics per user goes out.

Every user is measured alone, so the rows of disjoint blocks of users may be computed anywhere and
put together, as long as a block holds all recommendations and all truth of its users.

Notation, for one user: ``R`` is the number of relevant items, a hit is a recommended relevant
item, and only ranks 1 to ``k`` count. Definitions follow Manning, Raghavan and Schütze,
"Introduction to Information Retrieval" (2008), chapter 8, and for nDCG Järvelin and Kekäläinen,
"Cumulated gain-based evaluation of IR techniques" (2002), with the discount ``log2(rank + 1)`` now
in common use and the exponential gain of Burges et al., "Learning to Rank using Gradient Descent"
(2005).
"""

from typing import Final, Literal

import polars as pl

from recsys_assets.kernels.metrics import checks
from recsys_assets.kernels.metrics.pairs import PAIR, is_pair, with_pair

Gain = Literal["binary", "raw", "exponential"]
"""How nDCG values a relevant item: 1, its gain ``g``, or ``2**g - 1``."""

_GAINS: Final[dict[str, pl.Expr]] = {
    "binary": pl.lit(1.0),
    "raw": pl.col("gain").cast(pl.Float64),
    "exponential": 2.0 ** pl.col("gain").cast(pl.Float64) - 1.0,
}

_MEAN_NAMES: Final = {
    "precision_at_k": "precision_at_k",
    "recall_at_k": "recall_at_k",
    "average_precision": "map",
    "average_precision_at_k": "map_at_k",
    "ndcg_at_k": "ndcg_at_k",
    "r_precision": "r_precision",
}


def ranking_by_user(
    recommendations: pl.DataFrame, truth: pl.DataFrame, k: int, gain: Gain = "binary"
) -> pl.DataFrame:
    """Measure each user's ranked list against the items relevant to that user.

    - precision_at_k: hits / k, however short the list is.
    - recall_at_k: hits / R.
    - average_precision: the sum of the precisions at the ranks of the hits, / R.
    - average_precision_at_k: the same sum / min(k, R).
    - ndcg_at_k: discounted gain of the list / that of the best list of k items.
    - r_precision: hits among the first min(k, R) items, / R.

    There is one row per user in `truth`: a user without recommendations, or whose truth rows all
    have gain 0, scores 0 everywhere. Recommendations for users not in `truth` are not counted.

    Args:
        recommendations: user, item, rank (a whole number, 1 is the best); other columns are
            ignored, and so are ranks above `k`.
        truth: user, item and, if there are grades, gain (0 or more). A row is a relevant item
            unless its gain is 0.
        k: length of the lists compared, at least 1.
        gain: how ndcg_at_k values a relevant item; "raw" and "exponential" need the column gain.

    Returns:
        user, precision_at_k, recall_at_k, average_precision, average_precision_at_k, ndcg_at_k,
        r_precision, ordered by user; every metric lies in [0, 1].

    Raises:
        ValueError: `k` below 1, an unknown `gain`, a missing column, null keys, a repeated
            (user, item) or (user, rank), a rank below 1, a gain that is negative or not finite,
            or keys of different types in the two frames.
    """
    _check_k(k)
    _check_recommendations(recommendations)
    _check_truth(truth, gain)
    for key in ("user", "item"):
        checks.check_same_dtype(recommendations[key], truth[key], "recommendations and truth")
    relevant = _relevant_items(truth, gain)
    ideal = _ideal_by_user(relevant, k)
    found = _found_by_user(recommendations.filter(pl.col("rank") <= k), relevant, ideal)
    measured = ideal.join(found, on="user").select("user", *_metrics(k))
    return (
        truth.select(pl.col("user").unique().sort())
        .join(measured, on="user", how="left", maintain_order="left")
        .with_columns(pl.exclude("user").fill_null(0.0))
    )


def mean_ranking(by_user: pl.DataFrame) -> dict[str, float]:
    """Average the rows of `ranking_by_user` over users.

    Returns:
        precision_at_k, recall_at_k, map, map_at_k, ndcg_at_k, r_precision.

    Raises:
        ValueError: a missing or null metric, or no user at all.
    """
    for column in _MEAN_NAMES:
        checks.check_finite_column(by_user, "by_user", column)
    if by_user.is_empty():
        raise ValueError("by_user has no rows: there is no user to average over; check the truth")
    means = by_user.select(pl.col(column).mean() for column in _MEAN_NAMES).row(0, named=True)
    return {name: means[column] for column, name in _MEAN_NAMES.items()}


def _relevant_items(truth: pl.DataFrame, gain: Gain) -> pl.DataFrame:
    relevant = truth.filter(pl.col("gain") > 0) if "gain" in truth.columns else truth
    return relevant.select("user", "item", gain=_GAINS[gain])


def _ideal_by_user(relevant: pl.DataFrame, k: int) -> pl.DataFrame:
    position = pl.int_range(1, pl.len() + 1)
    gains = pl.col("gain").sort(descending=True) / (position + 1).log(2)
    return relevant.group_by("user").agg(relevant=pl.len(), ideal_dcg=gains.head(k).sum())


def _found_by_user(top: pl.DataFrame, relevant: pl.DataFrame, ideal: pl.DataFrame) -> pl.DataFrame:
    hits = _hits(top.select("user", "item", "rank"), relevant)
    # Sorting makes the sums, to the last bit, those of `_ideal_by_user` for a perfect list.
    rank = pl.col("rank").sort()
    hit_number = pl.int_range(1, pl.len() + 1)
    return (
        hits.join(ideal.select("user", "relevant"), on="user")
        .group_by("user")
        .agg(
            hits=pl.len(),
            precision_sum=(hit_number / rank).sum(),
            dcg=(pl.col("gain").sort_by("rank") / (rank + 1).log(2)).sum(),
            early_hits=(pl.col("rank") <= pl.col("relevant")).sum(),
        )
    )


def _hits(top: pl.DataFrame, relevant: pl.DataFrame) -> pl.DataFrame:
    """Recommended relevant items: user, rank, gain."""
    keys = ["user", "item"]
    if not is_pair(top, keys):
        return top.join(relevant, on=keys)
    gains = with_pair(relevant, keys).select(PAIR, "gain")
    return with_pair(top, keys).join(gains, on=PAIR)


def _metrics(k: int) -> list[pl.Expr]:
    hits, relevant, precision_sum = pl.col("hits"), pl.col("relevant"), pl.col("precision_sum")
    # A column of k: dividing by a constant multiplies by its rounded reciprocal, and 3 / 5 of a
    # user in a block would differ in the last bit from that of the user alone.
    places = relevant * 0 + k
    return [
        (hits / places).alias("precision_at_k"),
        (hits / relevant).alias("recall_at_k"),
        (precision_sum / relevant).alias("average_precision"),
        (precision_sum / relevant.clip(upper_bound=k)).alias("average_precision_at_k"),
        (pl.col("dcg") / pl.col("ideal_dcg")).alias("ndcg_at_k"),
        (pl.col("early_hits") / relevant).alias("r_precision"),
    ]


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k is the length of a list and must be at least 1, not {k}")


def _check_recommendations(recommendations: pl.DataFrame) -> None:
    checks.check_keys(recommendations, "recommendations", ["user", "item"])
    checks.check_keys(recommendations, "recommendations", ["user", "rank"])
    rank = recommendations["rank"]
    if not rank.dtype.is_integer():
        raise ValueError(f"recommendations column 'rank' must be an integer, not {rank.dtype}")
    below = int((rank < 1).sum())
    if below:
        raise ValueError(f"recommendations has {below} ranks below 1; the best rank is 1")


def _check_truth(truth: pl.DataFrame, gain: Gain) -> None:
    if gain not in _GAINS:
        raise ValueError(f"gain must be one of {list(_GAINS)}, not {gain!r}")
    checks.check_keys(truth, "truth", ["user", "item"])
    if "gain" not in truth.columns:
        if gain != "binary":
            raise ValueError(f"gain={gain!r} needs a column 'gain' in truth; it has none")
        return
    checks.check_finite_column(truth, "truth", "gain")
    negative = int((truth["gain"] < 0).sum())
    if negative:
        raise ValueError(f"truth has {negative} negative gains; a gain is 0 or more")
    checks.check_finite_column(truth.select(gain=_GAINS[gain]), f"truth as {gain} gain", "gain")
