"""Models side by side on one split: fitted on its training part, judged by the rest.

    ratings -> train, test -> each model in turn -> metrics, intervals, paired tests, times

Models are given the training part and nothing else. One model at a time is in memory; of each one
the lists, the metrics of its users and its figures stay.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.comparing import Judged, JudgingError, judge
from recsys_assets.kernels.metrics import diversity
from recsys_assets.kernels.metrics.ranking import mean_ranking, ranking_by_user
from recsys_assets.kernels.metrics.rating import RatingSums
from recsys_assets.kernels.metrics.segments import (
    LONG_TAIL,
    NEW,
    USER_SEGMENTS,
    long_tail_items,
    user_segments,
)
from recsys_assets.kernels.metrics.significance import (
    Interval,
    PairedTest,
    compare_paired,
    mean_intervals,
)
from recsys_assets.kernels.metrics.similarity import ItemSimilarity
from recsys_assets.kernels.recommenders.protocol import (
    Ids,
    RatingData,
    Recommender,
    Scores,
    rating_data,
)

OWN_BEST: Final = "hybrid"
"""The platform's own blend of models; all others are single models."""
MAIN_METRIC: Final = "ndcg_at_k"
HEADLINE: Final = {
    "map": "average_precision",
    "ndcg_at_k": "ndcg_at_k",
    "precision_at_k": "precision_at_k",
    "recall_at_k": "recall_at_k",
}
"""Metric → its column in the metrics of each user."""
_SAMPLED_USERS: Final = 2_000
"""Users over whose lists diversity and serendipity are taken, where there are more."""


class Fitted(Protocol):
    """A fitted model that ranks."""

    @property
    def name(self) -> str:
        """Its name among the models."""
        ...

    @property
    def recommender(self) -> Recommender:
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


Fit = Callable[[RatingData], Iterable[Fitted]]
FitRating = Callable[[RatingData], Iterable[FittedRating]]


@dataclass
class ModelResult:
    """What is known of one model after it was judged."""

    name: str
    fit_seconds: float
    judge_seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    """Ranking metrics over users of both parts, rating metrics over test rows."""
    intervals: dict[str, Interval] = field(default_factory=dict)
    """95 % bootstrap interval of each headline metric."""
    segments: dict[str, dict[str, float]] = field(default_factory=dict)
    """Segment → users and headline metrics."""
    versus_best_single: dict[str, PairedTest] = field(default_factory=dict)
    """Headline metric → test against the best single model; empty for that model itself."""
    by_user: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Ranking metrics of each user that is averaged over."""


@dataclass(frozen=True)
class Comparison:
    """All models on one split."""

    k: int
    train_rows: int
    test_rows: int
    judged_users: int
    """Users of both parts, over whom metrics are averaged."""
    new_users: int
    """Users of the test part alone, judged apart."""
    unknown_item_rows: int
    """Test rows whose item no training row names: nobody can hit them."""
    best_single: str
    results: list[ModelResult]


def compare_models(
    train: pl.DataFrame,
    test: pl.DataFrame,
    fit: Fit,
    k: int,
    seed: int = 0,
    fit_rating: FitRating | None = None,
    on_result: Callable[[ModelResult], None] = lambda result: None,
) -> Comparison:
    """Fit each model on `train`, judge it by `test`, and compare all on the same users.

    Args:
        train: user, item, rating, and timestamp where it is known.
        test: held-out rows of the same columns; models never see them.
        fit: fits models one after the other.
        k: length of the lists.
        seed: of the bootstrap.
        fit_rating: fits models that predict stars; they are ranked by their stars, too.
        on_result: told of each ranking model as soon as it is judged.

    Raises:
        JudgingError: no model, no user to average over, or a model that answers nonsense.
    """
    data, bench = rating_data(train), _Bench.of(train, test, k)
    results: list[ModelResult] = []
    for fitted, errors in chain(
        ((fitted, {}) for fitted in fit(data)),
        _rating_models(fit_rating(data) if fit_rating else (), data, test),
    ):
        started = time.perf_counter()
        judged = judge(fitted.name, fitted.recommender, data, test, k)
        result = ModelResult(fitted.name, fitted.fit_seconds, time.perf_counter() - started)
        bench.describe(result, judged)
        result.figures |= errors
        results.append(result)
        on_result(result)
    if not results:
        raise JudgingError("there is no model to compare; name at least one")
    best_single = _best_single(results)
    _add_intervals(results, seed)
    _add_tests(results, best_single, seed)
    return Comparison(
        k=k,
        train_rows=train.height,
        test_rows=test.height,
        judged_users=results[0].by_user.height,
        new_users=bench.segments.filter(segment=NEW).height,
        unknown_item_rows=test.join(train, on="item", how="anti").height,
        best_single=best_single,
        results=results,
    )


@dataclass(frozen=True)
class _Bench:
    """What all models are measured with."""

    train: pl.DataFrame
    truth: pl.DataFrame
    k: int
    segments: pl.DataFrame
    tail: pl.Series
    similarity: ItemSimilarity

    @classmethod
    def of(cls, train: pl.DataFrame, test: pl.DataFrame, k: int) -> "_Bench":
        pairs = train.select(pl.col("user", "item").cast(pl.Int32)).unique(maintain_order=True)
        truth = test.select(pl.col("user", "item").cast(pl.Int32))
        segments = user_segments(pairs, truth["user"].unique().sort())
        if segments.filter(pl.col("segment") != NEW).is_empty():
            raise JudgingError(
                "no user stands in both parts, so there is nobody to average over: choose a split"
                " that tests users it also trains on"
            )
        similarity = ItemSimilarity.from_cooccurrence(pairs)
        return cls(pairs, truth, k, segments, long_tail_items(pairs), similarity)

    def averaged(self, by_user: pl.DataFrame) -> pl.DataFrame:
        """Metrics of the users that stand in both parts."""
        new = self.segments.filter(segment=NEW)
        return by_user.join(new, on="user", how="anti", maintain_order="left")

    def describe(self, result: ModelResult, judged: Judged) -> None:
        averaged = result.by_user = self.averaged(judged.by_user)
        result.figures |= mean_ranking(averaged)
        result.figures |= self._beyond_accuracy(judged.lists, averaged["user"])
        result.segments |= self._by_segment(judged)

    def _beyond_accuracy(self, lists: pl.DataFrame, users: pl.Series) -> dict[str, float]:
        lists = lists.filter(pl.col("user").is_in(users.implode()))
        if lists.is_empty():
            return {}
        relevant = self.truth.select("user", "item", relevance=pl.lit(1.0))
        graded = lists.join(relevant, on=["user", "item"], how="left", maintain_order="left")
        sample = users.gather_every(max(1, -(-len(users) // _SAMPLED_USERS)))
        sampled = graded.with_columns(pl.col("relevance").fill_null(0.0)).filter(
            pl.col("user").is_in(sample.implode())
        )
        history = self.train.filter(pl.col("user").is_in(sample.implode()))
        figures = {
            "catalog_coverage": diversity.catalog_coverage(lists, self.train),
            "distributional_coverage": diversity.distributional_coverage(lists),
            "novelty": diversity.novelty(lists, self.train),
        }
        spread = diversity.user_diversity(sampled, self.similarity)["user_diversity"]
        surprise = diversity.user_item_serendipity(
            sampled, self._with_all_items(history), self.similarity
        )
        luck = surprise.group_by("user").agg(pl.col("user_item_serendipity").mean())
        by_user = {"diversity": spread, "serendipity": luck["user_item_serendipity"]}
        return figures | {
            name: float(np.mean(values.to_numpy()))
            for name, values in by_user.items()
            if len(values)
        }

    def _with_all_items(self, history: pl.DataFrame) -> pl.DataFrame:
        """The sampled users' history and one row for each other item, by a user nobody is."""
        others = self.train.select("item").unique().join(history, on="item", how="anti")
        nobody = others.sort("item").select(user=pl.lit(-1, pl.Int32), item="item")
        return pl.concat([history, nobody])

    def _by_segment(self, judged: Judged) -> dict[str, dict[str, float]]:
        tagged = judged.by_user.join(self.segments, on="user")
        found = {}
        for name in USER_SEGMENTS:
            rows = tagged.filter(segment=name)
            if rows.height:
                found[name] = _headline(rows)
        rare = self.truth.filter(pl.col("item").is_in(self.tail.implode()))
        if rare.height:
            # Only hits on items of the long tail count, and only users who have some to find.
            found[LONG_TAIL] = _headline(self.averaged(ranking_by_user(judged.lists, rare, self.k)))
        return {name: figures for name, figures in found.items() if figures["users"]}


def _headline(by_user: pl.DataFrame) -> dict[str, float]:
    if by_user.is_empty():
        return {"users": 0}
    means = mean_ranking(by_user)
    return {"users": by_user.height} | {metric: means[metric] for metric in HEADLINE}


def _best_single(results: Sequence[ModelResult]) -> str:
    singles = [result for result in results if result.name != OWN_BEST] or list(results)
    return max(singles, key=lambda result: result.figures[MAIN_METRIC]).name


def _add_intervals(results: Sequence[ModelResult], seed: int) -> None:
    columns = [(result, metric) for result in results for metric in HEADLINE]
    values = [result.by_user[HEADLINE[metric]].to_numpy() for result, metric in columns]
    intervals = mean_intervals(np.column_stack(values), seed)
    for (result, metric), interval in zip(columns, intervals, strict=True):
        result.intervals[metric] = interval


def _add_tests(results: Sequence[ModelResult], best_single: str, seed: int) -> None:
    best = next(result for result in results if result.name == best_single)
    for result in results:
        if result is best:
            continue
        for metric, column in HEADLINE.items():
            ours, theirs = (model.by_user[column].to_numpy() for model in (result, best))
            result.versus_best_single[metric] = compare_paired(ours, theirs, seed)


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
        every = np.repeat(users, len(self.items)), np.tile(self.items, len(users))
        return self.model.predict(*every).reshape(len(users), -1).astype(np.float32)


def _rating_models(
    models: Iterable[FittedRating], data: RatingData, test: pl.DataFrame
) -> Iterator[tuple[Fitted, dict[str, float]]]:
    """Rating models, with their errors over all test rows, known to the model or not."""
    users, items = (test[name].to_numpy().astype(np.int32) for name in ("user", "item"))
    stars = test["rating"].to_numpy()
    for model in models:
        sums = RatingSums.from_arrays(stars, model.predict(users, items))
        # R² of stars that are all alike is undefined; the errors are not.
        errors = sums.metrics() if sums.truth_spread else {"rmse": sums.rmse, "mae": sums.mae}
        yield _ByStars(model.name, model.fit_seconds, data.items, model), errors
