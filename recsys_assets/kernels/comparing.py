"""Judging any recommender by the published protocol: scores in, lists and metrics of each user out.

Protocol, that of `recommenders` (`python_evaluation`, `relevancy_method="top_k"`): candidates are
the items of the training part, without those the user has there; of these the k best are listed;
every held-out row is relevant, whatever its stars; metrics are averaged over the users who stand in
both parts. Users of the test part alone are judged too, but apart, by what the model shows
strangers.

Users are worked on a block at a time: no more than a block's scores lie in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.metrics.ranking import ranking_by_user
from recsys_assets.kernels.recommenders.protocol import Ids, RatingData, Recommender, Scores
from recsys_assets.kernels.top_k import ranked_rows
from recsys_assets.kernels.vectors import places_of

SCORES_AT_ONCE: Final = 1 << 25
"""Scores of one block of users: 128 MB of float32."""


class JudgingError(ValueError):
    """Models that cannot be judged: nobody to judge by, or answers that are nonsense."""


@dataclass(frozen=True)
class Judged:
    """What one model showed the users of the test part, and how good it was."""

    lists: pl.DataFrame
    """user, rank, item, score; by user, then rank."""
    by_user: pl.DataFrame
    """A row of `ranking_by_user` for each user of the test part, by user."""


def judge(
    name: str,
    recommender: Recommender,
    train: RatingData,
    test: pl.DataFrame,
    k: int,
    hidden: pl.DataFrame | None = None,
    scores_at_once: int = SCORES_AT_ONCE,
) -> Judged:
    """Lists and ranking metrics of every user with held-out rows.

    Args:
        name: of the model, for messages.
        recommender: what to judge.
        train: what it was fitted on; gives the candidates and what users have seen.
        test: held-out rows: user, item.
        k: length of the lists; where fewer items are left, a list is shorter, and precision still
            divides by k.
        hidden: pairs (user, item) that are no candidates either.
        scores_at_once: scores of a block of users at most, but one user at least.

    Raises:
        JudgingError: no rows to judge by, scores that are NaN or of the wrong shape, or a catalogue
            that is not ascending.
    """
    truth = test.select(pl.col("user", "item").cast(pl.Int32))
    users = truth["user"].unique().sort().to_numpy()
    if not len(users):
        raise JudgingError(f"there is no held-out row to judge {name} by")
    size = max(1, scores_at_once // max(1, len(recommender.items)))
    blocks = [users[start : start + size] for start in range(0, len(users), size)]
    masked = _masked(train, hidden)
    lists = pl.concat([_lists(name, recommender, train, masked, block, k) for block in blocks])
    by_user = pl.concat(list(_metrics(lists, truth, blocks, k)))
    return Judged(lists, by_user)


def _metrics(
    lists: pl.DataFrame, truth: pl.DataFrame, blocks: list[Ids], k: int
) -> Iterator[pl.DataFrame]:
    for block in blocks:
        of_block = pl.col("user").is_between(int(block[0]), int(block[-1]))
        yield ranking_by_user(lists.filter(of_block), truth.filter(of_block), k)


def _masked(train: RatingData, hidden: pl.DataFrame | None) -> csr_matrix:
    """Users x items of the training part, stored where an item is out of the question."""
    if hidden is None:
        return train.stars
    user, known_user = places_of(hidden["user"].to_numpy(), train.users)
    item, known_item = places_of(hidden["item"].to_numpy(), train.items)
    both = known_user & known_item
    ones = np.ones(int(both.sum()), np.float32)
    pairs = csr_matrix((ones, (user[both], item[both])), shape=train.stars.shape)
    return csr_matrix(train.stars + pairs)


def _lists(
    name: str, recommender: Recommender, train: RatingData, masked: csr_matrix, users: Ids, k: int
) -> pl.DataFrame:
    scores = _checked_scores(name, recommender, users)
    place, known = places_of(train.items, recommender.items)
    candidates = np.full((len(users), len(train.items)), -np.inf, np.float32)
    candidates[:, known] = scores[:, place[known]]
    row, trained = places_of(users, train.users)
    seen = masked[row[trained]].tocoo()
    candidates[np.flatnonzero(trained)[seen.row], seen.col] = -np.inf
    indices, best = best_places(candidates, k)
    return ranked_rows(users, train.items, indices, best).rename({"owner": "user"})


def _checked_scores(name: str, recommender: Recommender, users: Ids) -> Scores:
    items = recommender.items
    if (np.diff(items) <= 0).any():
        raise JudgingError(f"the catalogue of {name} is not in ascending order of distinct ids")
    scores = recommender.scores(users)
    if scores.shape != (len(users), len(items)):
        raise JudgingError(
            f"{name} gave scores of shape {scores.shape} for {len(users)} users and"
            f" {len(items)} items"
        )
    nans = np.isnan(scores)
    if nans.any():
        user, item = np.argwhere(nans)[0]
        raise JudgingError(
            f"{name} gave {int(nans.sum())} NaN scores, the first for user {users[user]} and item"
            f" {items[item]}; a score without opinion is minus infinity"
        )
    return scores
