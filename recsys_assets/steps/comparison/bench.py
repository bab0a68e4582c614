"""What all models of a comparison are measured with: accuracy, beyond it, and by segment."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from recsys_assets.kernels.comparing import Judged, JudgingError
from recsys_assets.kernels.metrics import diversity
from recsys_assets.kernels.metrics.ranking import mean_ranking, ranking_by_user
from recsys_assets.kernels.metrics.segments import (
    LONG_TAIL,
    NEW,
    USER_SEGMENTS,
    long_tail_items,
    user_segments,
)
from recsys_assets.kernels.metrics.similarity import ItemSimilarity
from recsys_assets.steps.comparison.results import HEADLINE, ModelResult

_SAMPLED_USERS: Final = 2_000
"""Users over whose lists diversity and serendipity are taken, where there are more."""


@dataclass(frozen=True)
class Bench:
    """What all models are measured with."""

    train: pl.DataFrame
    truth: pl.DataFrame
    k: int
    segments: pl.DataFrame
    tail: pl.Series
    similarity: ItemSimilarity

    @classmethod
    def of(cls, train: pl.DataFrame, test: pl.DataFrame, k: int) -> "Bench":
        """The bench of one split.

        Raises:
            JudgingError: no user to average over.
        """
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

    @property
    def new_users(self) -> int:
        """Users of the test part alone."""
        return self.segments.filter(segment=NEW).height

    def averaged(self, by_user: pl.DataFrame) -> pl.DataFrame:
        """Metrics of the users that stand in both parts."""
        new = self.segments.filter(segment=NEW)
        return by_user.join(new, on="user", how="anti", maintain_order="left")

    def describe(self, result: ModelResult, judged: Judged) -> None:
        """Add the figures of a judged model to its result."""
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
        luck = diversity.user_serendipity(sampled, self._with_all_items(history), self.similarity)
        by_user = {"diversity": spread, "serendipity": luck["user_serendipity"]}
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
