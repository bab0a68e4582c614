"""Lists of registered recommenders: blocks of users, as many at a time as the driver has cores.

recommender from the registry + histories -> user, rank, item, score
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.recommenders.histories import USERS_AT_ONCE
from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.protocol import RatingData
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.kernels.top_k import Ints, ranked_rows
from recsys_assets.registry import CHALLENGER, ModelRegistry
from recsys_assets.steps.recommenders.learning_data import full_histories
from recsys_assets.steps.recommenders.models import CONTENT_MODEL, ITEM_MODEL, RANK_MODEL

RECOMMENDERS = (ITEM_MODEL, CONTENT_MODEL, RANK_MODEL)
"""Registered recommenders that are judged beside ALS and popularity, where they exist."""


def load_recommender(
    registry: ModelRegistry, name: str, alias: str = CHALLENGER
) -> SingleMember | Hybrid:
    """A recommender, its arrays read; the newest version where no other alias is named."""
    model = registry.load(name, alias).unwrap_python_model()
    recommender: SingleMember | Hybrid = model.recommender
    return recommender


def list_items(
    recommender: SingleMember | Hybrid,
    ratings: RatingData,
    k: int,
    *,
    trained: bool,
    offered: Ints | None = None,
) -> pl.DataFrame:
    """Each user's k best items without those they rated: user, rank, item, score.

    Args:
        recommender: what scores.
        ratings: users to list for, and all that they have rated.
        k: length of the lists.
        trained: scores rest on the training ratings only; otherwise on all the ratings given.
        offered: items that may be listed; all that the recommender knows if None.
    """
    histories = full_histories(recommender.catalogue, ratings)
    rated = recommender.catalogue.counts() > 0
    gone = np.zeros(len(rated), bool)
    if offered is not None:
        gone = ~np.isin(recommender.items, offered)

    def list_block(start: int) -> pl.DataFrame:
        users = ratings.users[start : start + USERS_AT_ONCE]
        block = histories.part(slice(start, start + USERS_AT_ONCE))
        known = recommender.catalogue.histories(users) if trained else block
        # Judged among the items that training rated, as all models are.
        hidden = block.seen() | (~rated if trained else gone)
        best = best_places(recommender.score(known), k, hidden)
        return ranked_rows(users, recommender.items, *best)

    # Most of the work is NumPy's and SciPy's on one thread; what has threads of its own does with
    # one here, so that cores do not wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(list_block, range(0, len(ratings.users), USERS_AT_ONCE)))
    return pl.concat(parts).rename({"owner": "user"})
