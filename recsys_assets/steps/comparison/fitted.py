"""What a comparison needs of fitted models, those that rank and those that predict stars."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.metrics.rating import rating_metrics
from recsys_assets.kernels.recommenders.protocol import Ids, RatingData, Recommender, Scores

Scorer = TypeVar("Scorer", covariant=True)


class Fitted(Protocol[Scorer]):
    """A fitted model that ranks."""

    @property
    def name(self) -> str:
        """Its name among the models."""
        ...

    @property
    def recommender(self) -> Scorer:
        """What scores items for users."""
        ...

    @property
    def fit_seconds(self) -> float:
        """How long fitting took."""
        ...


class FittedRating(Protocol):
    """A fitted model that predicts stars."""

    @property
    def name(self) -> str:
        """Its name among the models."""
        ...

    @property
    def fit_seconds(self) -> float:
        """How long fitting took."""
        ...

    def predict(self, users: Ids, items: Ids) -> NDArray[np.floating]:
        """Stars of pairs, within the scale."""
        ...


Fit = Callable[[RatingData], Iterable[Fitted[Recommender]]]
FitRating = Callable[[RatingData], Iterable[FittedRating]]

_PAIRS_AT_ONCE = 500_000
"""Pairs whose stars are predicted at once: a model may need a thousand bytes for each."""


@dataclass
class _ByStars:
    """A rating model as one that ranks: the more stars it predicts, the better."""

    name: str
    fit_seconds: float
    items: Ids
    model: FittedRating

    @property
    def recommender(self) -> Recommender:
        return self

    def scores(self, users: Ids) -> Scores:
        width = len(self.items)
        answer = np.empty((len(users), width), np.float32)
        size = max(1, _PAIRS_AT_ONCE // max(1, width))
        for start in range(0, len(users), size):
            block = users[start : start + size]
            every = np.repeat(block, width), np.tile(self.items, len(block))
            answer[start : start + size] = self.model.predict(*every).reshape(len(block), width)
        return answer


def rating_models(
    models: Iterable[FittedRating], data: RatingData, test: pl.DataFrame
) -> Iterator[tuple[Fitted[Recommender], dict[str, float]]]:
    """Rating models, with their errors over all test rows, known to the model or not."""
    users, items = (test[name].to_numpy().astype(np.int32) for name in ("user", "item"))
    stars = test["rating"].to_numpy()
    for model in models:
        errors = rating_metrics(stars, model.predict(users, items))
        yield _ByStars(model.name, model.fit_seconds, data.items, model), errors
