"""Items nobody rated: for users who are known, the held-out items alone are ranked.

    rows of the other items + content -> models -> lists of held-out items -> metrics

Popularity knows nothing of such items, so three orders that need no rating stand for it: items of
the genres that are rated most, items by year, and a drawn order. The best of the three is what the
models are held against.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.comparing import JudgingError, judge
from recsys_assets.kernels.metrics.ranking import mean_ranking
from recsys_assets.kernels.recommenders.content import genre_rows
from recsys_assets.kernels.recommenders.histories import Catalogue, build_catalogue
from recsys_assets.kernels.recommenders.protocol import (
    Ids,
    ItemContent,
    RatingData,
    Recommender,
    Scores,
    rating_data,
)
from recsys_assets.steps.comparison.fitted import Fitted
from recsys_assets.steps.comparison.results import (
    MAIN_METRIC,
    ColdCase,
    ModelResult,
    add_intervals,
    add_tests,
)

WITHOUT_OPINION: Final = ("popularity",)
"""Models that say the same of all items nobody rated."""


def compare_on_new_items(
    train: pl.DataFrame,
    test: pl.DataFrame,
    content: ItemContent,
    fit: Callable[[RatingData], Iterable[Fitted[Recommender]]],
    k: int,
    seed: int = 0,
    on_result: Callable[[ModelResult], None] = lambda result: None,
) -> ColdCase:
    """Judge each model by how it ranks items it has no rating of.

    Args:
        train: user, item, rating, and timestamp where it is known.
        test: all rows of other items; users without training rows are left out.
        content: of the items of both parts.
        fit: fits models one after the other.
        k: length of the lists.
        seed: of the drawn order and of the bootstrap.
        on_result: told of each model as soon as it is judged.

    Raises:
        JudgingError: no user stands in both parts, or a model that answers nonsense.
    """
    data = rating_data(train)
    truth = test.filter(pl.col("user").is_in(train["user"].unique().implode()))
    if truth.is_empty():
        raise JudgingError("no user has rated both kept and held-out items")
    candidates = _candidates(data, test)
    plain = _orders(build_catalogue(data, content), seed)
    results = []
    for name, recommender, fit_seconds in _all(plain, fit(data)):
        started = time.perf_counter()
        by_user = judge(name, recommender, candidates, truth, k).by_user
        result = ModelResult(name, fit_seconds, time.perf_counter() - started)
        result.figures |= mean_ranking(by_user)
        result.by_user = by_user
        results.append(result)
        on_result(result)
    add_intervals(results, seed)
    yardstick = max(results[: len(plain)], key=lambda result: result.figures[MAIN_METRIC]).name
    add_tests(results, yardstick, seed)
    return ColdCase("no rating of an item", yardstick, truth["user"].n_unique(), results)


def _all(
    plain: "Mapping[str, Recommender]", fitted: Iterable[Fitted[Recommender]]
) -> Iterable[tuple[str, Recommender, float]]:
    yield from ((name, order, 0.0) for name, order in plain.items())
    for model in fitted:
        if model.name not in WITHOUT_OPINION:
            yield model.name, model.recommender, model.fit_seconds


def _candidates(data: RatingData, test: pl.DataFrame) -> RatingData:
    """The held-out items, of which nobody has seen any."""
    items = test["item"].unique().sort().cast(pl.Int32).to_numpy()
    nothing = csr_matrix((len(data.users), len(items)), dtype=np.float32)
    return RatingData(data.users, items, nothing, None)


@dataclass(frozen=True)
class _SameForAll:
    """One order of the items, whoever asks."""

    items: Ids
    order: NDArray[np.floating]

    def scores(self, users: Ids) -> Scores:
        return np.tile(self.order.astype(np.float32), (len(users), 1))


def _orders(catalogue: Catalogue, seed: int) -> "dict[str, Recommender]":
    assert catalogue.content is not None
    years: NDArray[np.floating] = np.nan_to_num(catalogue.content.years, nan=0.0)
    drawn = np.random.default_rng(seed).random(len(catalogue.items))
    orders: dict[str, NDArray[np.floating]] = {
        "popular_genres": _genre_popularity(catalogue),
        "newest": years,
        "random": drawn,
    }
    return {name: _SameForAll(catalogue.items, order) for name, order in orders.items()}


def _genre_popularity(catalogue: Catalogue) -> NDArray[np.float64]:
    """Mean, over an item's genres, of the ratings that a rated item of the genre has."""
    assert catalogue.content is not None
    genres, counts = genre_rows(catalogue.content), catalogue.counts()
    rated = np.maximum(genres @ (counts > 0).astype(np.float64), 1)
    mean = np.asarray(genres @ counts).ravel() / rated
    of_item = np.maximum(np.asarray(genres.sum(axis=0)).ravel(), 1)
    return np.asarray(np.asarray(mean @ genres).ravel() / of_item, np.float64)
