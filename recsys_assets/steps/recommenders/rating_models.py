"""Models that predict stars, fitted side by side on one training part.

RatingData + ItemContent -> als_rating, svd (the baselines), rating (the platform's own)
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.recommenders.histories import Catalogue, build_catalogue
from recsys_assets.kernels.recommenders.protocol import Ids, ItemContent, RatingData, Scores
from recsys_assets.kernels.recommenders.rating import fit_rating
from recsys_assets.kernels.recommenders.svd import fit_svd
from recsys_assets.kernels.vectors import places_of
from recsys_assets.steps.comparison.fitted import FittedRating, Predict

RATING_MODELS: tuple[str, ...] = ("als_rating", "svd", "rating")
QUICK_START = Objective(rank=10, regularization=0.05)
"""Spark ML's ALS on the stars as the public quick start sets it; the penalty grows with the number
of ratings, there and here."""
_ITERATIONS = 20

Places = NDArray[np.int64]
Marks = NDArray[np.bool_]
Stars = NDArray[np.float64]


def fit_rating_models(
    train: RatingData, content: ItemContent | None, seed: int
) -> Iterator[FittedRating]:
    """Fit all of `RATING_MODELS`, in that order.

    Raises:
        ValueError: there are no ratings.
    """
    if not train.stars.nnz:
        raise ValueError("the training part holds no rating to learn from")
    catalogue = build_catalogue(train, content)
    fits: dict[str, Callable[[], Predict]] = {
        "als_rating": lambda: _fit_als(catalogue, seed),
        "svd": lambda: _fit_svd(catalogue, seed),
        "rating": lambda: fit_rating(catalogue, seed).predict,
    }
    for name in RATING_MODELS:
        start = time.perf_counter()
        predict = fits[name]()
        yield FittedRating(name, predict, time.perf_counter() - start)


def _fit_als(catalogue: Catalogue, seed: int) -> Predict:
    stars = catalogue.train.stars
    # As many steps as factors solve each row exactly, as Spark ML does.
    users, items = fit_factors(stars, QUICK_START, _ITERATIONS, seed, steps=QUICK_START.rank)
    stars_mean, rated = float(stars.data.mean()), catalogue.counts() > 0

    def predict(rows: Places, columns: Places, known: Marks, listed: Marks) -> Stars:
        both = known & listed & rated[columns]
        return np.where(both, (users[rows] * items[columns]).sum(axis=1), stars_mean)

    return _within_scale(catalogue, predict)


def _fit_svd(catalogue: Catalogue, seed: int) -> Predict:
    return _within_scale(catalogue, fit_svd(catalogue.train.stars, seed).predict)


def _within_scale(
    catalogue: Catalogue, pairs: Callable[[Places, Places, Marks, Marks], Stars]
) -> Predict:
    """Ids instead of places and of whether they are known; stars within the scale of training."""
    stars = catalogue.train.stars.data

    def predict(users: Ids, items: Ids) -> Scores:
        row, known = places_of(users, catalogue.users)
        column, listed = places_of(items, catalogue.items)
        return np.clip(pairs(row, column, known, listed), stars.min(), stars.max()).astype("f4")

    return predict
