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

    def predict(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray((users[rows] * items[columns]).sum(axis=1), np.float64)

    return _within_scale(catalogue, predict, needs_both=True)


def _fit_svd(catalogue: Catalogue, seed: int) -> Predict:
    return _within_scale(catalogue, fit_svd(catalogue.train.stars, seed).predict, needs_both=False)


def _within_scale(
    catalogue: Catalogue,
    pairs: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]],
    *,
    needs_both: bool,
) -> Predict:
    """Ids instead of places; the mean where a side is unknown, or unrated and needed."""
    stars = catalogue.train.stars
    mean, least, most = (float(f()) for f in (stars.data.mean, stars.data.min, stars.data.max))
    rated = catalogue.counts() > 0

    def predict(users: Ids, items: Ids) -> Scores:
        row, known = places_of(users, catalogue.users)
        column, listed = places_of(items, catalogue.items)
        usable = known & listed & (rated[column] if needs_both else True)
        answer = np.full(len(users), mean)
        answer[usable] = pairs(row[usable], column[usable])
        return np.clip(answer, least, most).astype(np.float32)

    return predict
