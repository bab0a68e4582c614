"""Predicted stars: biases, neighbours, vectors and interest, put together by trees.

inner splits -> members on the larger parts -> features of the held-out ratings -> trees
members on all ratings + trees -> stars of any pair
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import threads_for
from recsys_assets.kernels.native_lightgbm import lgb
from recsys_assets.kernels.recommenders.histories import Catalogue
from recsys_assets.kernels.recommenders.inner import inner_parts, inner_splits
from recsys_assets.kernels.recommenders.protocol import Ids, Scores
from recsys_assets.kernels.recommenders.rating_members import (
    FEATURES,
    RatingMembers,
    fit_rating_members,
)
from recsys_assets.kernels.vectors import places_of

MOST_ROWS = 300_000
SETTINGS = {
    "objective": "regression",
    "num_leaves": 15,
    "learning_rate": 0.04,
    "min_data_in_leaf": 50,
    "lambda_l2": 10.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
TREES = 250


@dataclass(frozen=True)
class RatingModel:
    """Members and trees that predict the stars of pairs."""

    members: RatingMembers
    trees: BoostedTrees
    scale: tuple[float, float]
    """Least and greatest stars of training."""

    def predict(self, users: Ids, items: Ids) -> Scores:
        """Stars of pairs within the scale; somebody or something unknown adds no bias."""
        catalogue = self.members.catalogue
        row, known = places_of(users, catalogue.users)
        column, described = places_of(items, catalogue.items)
        both = known & described
        answer = np.full(len(users), self.members.mean, np.float64)
        answer[known] += self.members.user_bias[row[known]]
        answer[described] += self.members.item_bias[column[described]]
        if both.any():
            features = self.members.features(row[both], column[both])
            answer[both] = features[:, 0] + self.trees.score(features)
        return np.clip(answer, *self.scale).astype(np.float32)


def fit_rating(catalogue: Catalogue, seed: int) -> RatingModel:
    """Trees from inner splits over members of all ratings."""
    features, errors = zip(*_held_out_rows(catalogue, seed), strict=True)
    rows = np.vstack(features)
    data = lgb.Dataset(rows, np.concatenate(errors), feature_name=list(FEATURES))
    booster = lgb.train(
        {**SETTINGS, "seed": seed, "num_threads": threads_for(len(rows))}, data, TREES
    )
    stars = catalogue.train.stars.data
    scale = (float(stars.min()), float(stars.max()))
    trees = BoostedTrees(booster.model_to_string())
    return RatingModel(fit_rating_members(catalogue, seed), trees, scale)


def _held_out_rows(catalogue: Catalogue, seed: int) -> Iterator[tuple[Scores, NDArray[np.float32]]]:
    """Features of held-out ratings and what the biases leave of them."""
    parts = inner_parts(catalogue.train.stars.nnz)
    for inner, held_out in inner_splits(catalogue, parts, seed):
        members = fit_rating_members(inner, seed)
        rows = np.repeat(np.arange(held_out.shape[0]), np.diff(held_out.indptr))
        drawn = np.random.default_rng(seed).permutation(len(rows))[: MOST_ROWS // parts]
        rows, columns = rows[drawn], held_out.indices[drawn].astype(np.int64)
        features = members.features(rows, columns)
        yield features, (held_out.data[drawn] - features[:, 0]).astype(np.float32)
