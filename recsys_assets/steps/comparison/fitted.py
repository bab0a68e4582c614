"""What a comparison needs of fitted models, those that rank and those that predict stars."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from recsys_assets.kernels.metrics.rating import rating_metrics
from recsys_assets.kernels.recommenders.protocol import Ids, RatingData, Recommender, Scores

Scorer = TypeVar("Scorer", covariant=True)


@dataclass(frozen=True)
class Fitted(Generic[Scorer]):
    """A fitted model that ranks."""

    name: str
    recommender: Scorer
    """What scores items for users."""
    fit_seconds: float
    """Seconds of all its parts, those that another model had already fitted among them."""


Predict = Callable[[Ids, Ids], Scores]


@dataclass(frozen=True)
class FittedRating:
    """A fitted model that predicts stars."""

    name: str
    predict: Predict
    """Users and items of pairs, in; their stars within the scale of training, out."""
    fit_seconds: float


Fit = Callable[[RatingData], Iterable[Fitted[Recommender]]]
FitRating = Callable[[RatingData], Iterable[FittedRating]]

_PAIRS_AT_ONCE = 500_000
"""Pairs whose stars are predicted at once: a model may need a thousand bytes for each."""


@dataclass(frozen=True)
class _ByStars:
    """A rating model as one that ranks: the more stars it predicts, the better."""

    items: Ids
    predict: Predict

    def scores(self, users: Ids) -> Scores:
        width = len(self.items)
        answer = np.empty((len(users), width), np.float32)
        size = max(1, _PAIRS_AT_ONCE // max(1, width))
        for start in range(0, len(users), size):
            block = users[start : start + size]
            every = np.repeat(block, width), np.tile(self.items, len(block))
            answer[start : start + size] = self.predict(*every).reshape(len(block), width)
        return answer


def rating_models(
    models: Iterable[FittedRating], data: RatingData, test: pl.DataFrame
) -> Iterator[tuple[Fitted[Recommender], dict[str, float]]]:
    """Rating models, with their errors over all test rows, known to the model or not."""
    users, items = (test[name].to_numpy().astype(np.int32) for name in ("user", "item"))
    stars = test["rating"].to_numpy()
    for model in models:
        errors = rating_metrics(stars, model.predict(users, items))
        ranks = _ByStars(data.items, model.predict)
        yield Fitted(model.name, ranks, model.fit_seconds), errors
