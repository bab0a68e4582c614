"""Users nobody knows: lists for those who came last, beside the most popular items.

    rows of earlier users -> models
    a newcomer's first n ratings -> models -> lists -> metrics by the newcomer's other rows

With no rating given, all that is used is when the earlier users came and what they rated: nothing
of the newcomer. With n ratings given, models fold them in; nothing is fitted again. Popularity is
the number of ratings of the same training rows, without the items given.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.kernels.comparing import JudgingError, judge
from recsys_assets.kernels.metrics.ranking import mean_ranking
from recsys_assets.kernels.recommenders.histories import Histories, empty_histories
from recsys_assets.kernels.recommenders.protocol import Ids, RatingData, Scores, rating_data
from recsys_assets.kernels.recommenders.scorer import HistoryScorer
from recsys_assets.kernels.vectors import places_of
from recsys_assets.steps.comparison.fitted import Fitted
from recsys_assets.steps.comparison.results import ColdCase, ModelResult, add_intervals, add_tests
from recsys_assets.steps.recommenders.learning_data import full_histories

GIVEN: Final = (0, 1, 3, 5)
"""Ratings of a newcomer that are known, the earliest ones."""
POPULARITY: Final = "popularity"


def compare_on_new_users(
    train: pl.DataFrame,
    test: pl.DataFrame,
    fit: Callable[[RatingData], Iterable[Fitted[HistoryScorer]]],
    k: int,
    seed: int = 0,
    on_result: Callable[[ModelResult], None] = lambda result: None,
) -> list[ColdCase]:
    """Judge each model by users it was not fitted on, of whom some ratings are given.

    Args:
        train: user, item, rating, timestamp.
        test: all rows of other users, of the same columns.
        fit: fits models one after the other, ``popularity`` among them.
        k: length of the lists.
        seed: of the bootstrap.
        on_result: told of each model as soon as it is judged without any rating.

    Returns:
        A case for each number of ratings given, for which users have rows left to judge by.

    Raises:
        JudgingError: no popularity to hold the others against, or a model that answers nonsense.
    """
    data = rating_data(train)
    ordered = test.sort("user", "timestamp", "item")
    place = pl.int_range(pl.len()).over("user")
    found: dict[int, list[ModelResult]] = {}
    for fitted in fit(data):
        for given in GIVEN:
            first, rest = ordered.filter(place < given), ordered.filter(place >= given)
            if rest.is_empty():
                continue
            result = _judged(fitted, data, first, rest, k)
            found.setdefault(given, []).append(result)
            if not given:
                on_result(result)
    return [_case(given, results, seed) for given, results in sorted(found.items())]


def _judged(
    fitted: Fitted[HistoryScorer], data: RatingData, first: pl.DataFrame, rest: pl.DataFrame, k: int
) -> ModelResult:
    started = time.perf_counter()
    users = rest["user"].unique().sort().cast(pl.Int32).to_numpy()
    first = first.filter(pl.col("user").is_in(rest["user"].unique().implode()))
    asked = _Newcomers.of(fitted.recommender, users, first)
    by_user = judge(fitted.name, asked, _candidates(data, users, first), rest, k).by_user
    result = ModelResult(fitted.name, fitted.fit_seconds, time.perf_counter() - started)
    result.figures |= mean_ranking(by_user)
    result.by_user = by_user
    return result


def _candidates(data: RatingData, users: Ids, first: pl.DataFrame) -> RatingData:
    """Items of the training part, masked where they are among the ratings given."""
    row = np.searchsorted(users, first["user"].to_numpy())
    column, known = places_of(first["item"].to_numpy(), data.items)
    marks = (np.ones(int(known.sum()), np.float32), (row[known], column[known]))
    return RatingData(users, data.items, csr_matrix(marks, (len(users), len(data.items))), None)


@dataclass(frozen=True)
class _Newcomers:
    """A recommender asked about users by the ratings given of them."""

    recommender: HistoryScorer
    users: Ids
    given: Histories

    @classmethod
    def of(cls, recommender: HistoryScorer, users: Ids, first: pl.DataFrame) -> "_Newcomers":
        catalogue = recommender.catalogue
        if first.is_empty():
            return cls(recommender, users, empty_histories(len(users), len(catalogue.items)))
        return cls(recommender, users, full_histories(catalogue, rating_data(first)))

    @property
    def items(self) -> Ids:
        return self.recommender.catalogue.items

    def scores(self, users: Ids) -> Scores:
        return self.recommender.score(self.given.part(np.searchsorted(self.users, users)))


def _case(given: int, results: list[ModelResult], seed: int) -> ColdCase:
    if POPULARITY not in {result.name for result in results}:
        raise JudgingError("lists for newcomers are held against popularity: name it, too")
    add_intervals(results, seed)
    add_tests(results, POPULARITY, seed)
    known = "no rating" if not given else "1 rating" if given == 1 else f"{given} ratings"
    return ColdCase(f"{known} of a user", POPULARITY, results[0].by_user.height, results)
