"""Metrics beyond accuracy: recommendations and training interactions come in, measures go out.

- coverage: how much of the catalog is recommended, and how evenly;
- novelty: how rarely met the recommended items are;
- diversity: how unlike each other the items of one list are;
- serendipity: how unlike the user's history the relevant recommendations are.

Novelty and distributional coverage are in bits. Diversity and serendipity take an
`ItemSimilarity`, by co-occurrence or by item features. Coverage follows Shani and Gunawardana,
"Evaluating Recommendation Systems" (2011), novelty Castells, Vargas and Wang, "Novelty and
Diversity Metrics for Recommender Systems" (2011), diversity and serendipity Zhang et al.,
"Auralist: Introducing Serendipity into Music Recommendation" (2012), all with the conventions of
the `recommenders` library, whose published values they reproduce.

Frames: recommendations has user, item, each pair once (and relevance for serendipity); train has
user, item, each pair once. A column that is missing, null or repeated, no rows at all, and an item
recommended but absent from train or from the similarity raise ``ValueError``.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.metrics import checks
from recsys_assets.kernels.metrics.similarity import ItemSimilarity

_PAIRS_AT_ONCE: Final = 4_000_000
"""Pairs of a recommended item and an item of its user's history compared at once."""


def catalog_coverage(recommendations: pl.DataFrame, train: pl.DataFrame) -> float:
    """Return the share of the items in `train` that are recommended to anyone, in [0, 1]."""
    _check(recommendations, train)
    return recommendations["item"].n_unique() / train["item"].n_unique()


def distributional_coverage(recommendations: pl.DataFrame) -> float:
    """Return the entropy of the recommended items, in bits.

    ``-sum over items of p * log2(p)``, with p an item's share of all recommendations. It is 0 if
    one item is all that is recommended, and log2 of the number of items if all are so equally.
    """
    _check(recommendations)
    share = pl.col("len") / pl.col("len").sum()
    counts = recommendations.group_by("item").len().sort("item")
    # Adding 0 turns the -0 of a single item into 0.
    return float(counts.select(-(share * share.log(2)).sum()).item()) + 0.0


def item_novelty(train: pl.DataFrame) -> pl.DataFrame:
    """Return item, item_novelty for every item of `train`, ordered by item.

    ``-log2(interactions with the item / all interactions)``, in bits, at least 0.
    """
    checks.check_keys(train, "train", ["user", "item"])
    share = pl.len() / train.height
    return train.group_by("item").agg(item_novelty=-share.log(2) + 0.0).sort("item")


def novelty(recommendations: pl.DataFrame, train: pl.DataFrame) -> float:
    """Return the mean item novelty over all recommendations, in bits."""
    _check(recommendations, train)
    counts = recommendations.group_by("item").len().join(item_novelty(train), on="item")
    weighted = counts.sort("item").select(pl.col("len") * pl.col("item_novelty")).sum().item()
    return float(weighted) / recommendations.height


def user_diversity(recommendations: pl.DataFrame, similarity: ItemSimilarity) -> pl.DataFrame:
    """Return user, user_diversity ordered by user.

    ``1 - mean similarity over the pairs of different items in the list``, in [0, 1] unless
    similarities are negative. A user with a single recommendation has no pair and no row. All
    pairs are held at once: L * (L - 1) / 2 for a list of L items.
    """
    _check(recommendations)
    placed = recommendations.select(
        "user", position=pl.Series(similarity.positions(recommendations["item"], "recommendations"))
    )
    pairs = (
        placed.join(placed, on="user", suffix="_other")
        .filter(pl.col("position") < pl.col("position_other"))
        .sort("user", "position", "position_other")
    )
    cosine = similarity.of_pairs(pairs["position"].to_numpy(), pairs["position_other"].to_numpy())
    return (
        pairs.select("user", cosine=pl.Series(cosine))
        .group_by("user", maintain_order=True)
        .agg(user_diversity=1.0 - pl.col("cosine").mean())
    )


def user_item_serendipity(
    recommendations: pl.DataFrame, train: pl.DataFrame, similarity: ItemSimilarity
) -> pl.DataFrame:
    """Return user, item, user_item_serendipity ordered by user and item.

    ``(1 - mean similarity of the item to the items of the user's history) * relevance``, in [0, 1]
    unless similarities are negative. Relevance is the column of that name, 1 where the user liked
    the item and 0 otherwise, or 1 throughout if there is none. A user without history in `train`
    expects nothing and has no row.
    """
    _check(recommendations, train)
    known = _with_relevance(recommendations).join(train, on="user", how="semi")
    placed = known.with_columns(
        position=pl.Series(similarity.positions(known["item"], "recommendations"))
    ).sort("position", "user")
    expected = _similarity_to_history(placed, _histories(train, similarity), similarity)
    serendipity_of_item = (1.0 - pl.Series(expected)) * placed["relevance"]
    return placed.select("user", "item", user_item_serendipity=serendipity_of_item).sort(
        "user", "item"
    )


def user_serendipity(
    recommendations: pl.DataFrame, train: pl.DataFrame, similarity: ItemSimilarity
) -> pl.DataFrame:
    """Return user, user_serendipity: the mean of `user_item_serendipity` over each list."""
    return (
        user_item_serendipity(recommendations, train, similarity)
        .group_by("user", maintain_order=True)
        .agg(user_serendipity=pl.col("user_item_serendipity").mean())
    )


def _histories(train: pl.DataFrame, similarity: ItemSimilarity) -> pl.DataFrame:
    """Return user and history, the positions of the items that user met."""
    positions = pl.Series(similarity.positions(train["item"], "train"))
    return train.select("user", history=positions).group_by("user").agg("history")


def _similarity_to_history(
    placed: pl.DataFrame, histories: pl.DataFrame, similarity: ItemSimilarity
) -> NDArray[np.float64]:
    lengths = histories.select("user", length=pl.col("history").list.len())
    found = placed.join(lengths, on="user", how="left", maintain_order="left")
    sizes = found["length"].to_numpy().astype(np.int64)
    means = [np.empty(0)]
    for rows in _blocks(sizes, _PAIRS_AT_ONCE):
        block = placed[rows].join(histories, on="user", how="left", maintain_order="left")
        pairs = block.select("position", "history").explode("history")
        cosine = similarity.of_pairs(pairs["position"].to_numpy(), pairs["history"].to_numpy())
        starts = np.cumsum(sizes[rows]) - sizes[rows]
        means.append(np.add.reduceat(cosine, starts) / sizes[rows])
    return np.concatenate(means)


def _blocks(sizes: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Cut rows into consecutive blocks whose sizes add up to about `most`."""
    numbers = np.cumsum(sizes) // most
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1), sizes.size]
    return (slice(int(a), int(b)) for a, b in pairwise(bounds) if a < b)


def _with_relevance(recommendations: pl.DataFrame) -> pl.DataFrame:
    if "relevance" not in recommendations.columns:
        return recommendations.select("user", "item", relevance=pl.lit(1.0))
    checks.check_finite_column(recommendations, "recommendations", "relevance")
    return recommendations.select("user", "item", "relevance")


def _check(recommendations: pl.DataFrame, train: pl.DataFrame | None = None) -> None:
    checks.check_keys(recommendations, "recommendations", ["user", "item"])
    if recommendations.is_empty():
        raise ValueError("recommendations has no rows: there is nothing to measure")
    if train is None:
        return
    checks.check_keys(train, "train", ["user", "item"])
    for key in ("user", "item"):
        checks.check_same_dtype(recommendations[key], train[key], "recommendations and train")
    strangers = recommendations.join(train, on="item", how="anti")["item"].unique().sort()
    if len(strangers):
        raise ValueError(
            f"recommendations holds {len(strangers)} items that train does not, such as"
            f" {strangers[0]!r}; they have no novelty, so drop them or measure against the whole"
            " catalog"
        )
