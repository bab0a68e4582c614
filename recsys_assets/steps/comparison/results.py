"""What is known of models after they were judged on the same users: figures, intervals, tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from recsys_assets.kernels.metrics.significance import (
    Interval,
    PairedTest,
    compare_paired,
    mean_intervals,
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
    versus: dict[str, PairedTest] = field(default_factory=dict)
    """Headline metric → test against the model all are held against; empty for that one."""
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


@dataclass(frozen=True)
class ColdCase:
    """Models on users or items of whom little is known."""

    known: str
    """What is known, in words."""
    yardstick: str
    """The model all are held against."""
    users: int
    """Users over whom metrics are averaged."""
    results: list[ModelResult]


def add_intervals(results: Sequence[ModelResult], seed: int) -> None:
    """Bootstrap intervals of all models, by the same resamples."""
    columns = [(result, metric) for result in results for metric in HEADLINE]
    values = [result.by_user[HEADLINE[metric]].to_numpy() for result, metric in columns]
    intervals = mean_intervals(np.column_stack(values), seed)
    for (result, metric), interval in zip(columns, intervals, strict=True):
        result.intervals[metric] = interval


def add_tests(results: Sequence[ModelResult], yardstick: str, seed: int) -> None:
    """Paired tests of all other models against the one named, on the same users."""
    best = next(result for result in results if result.name == yardstick)
    for result in results:
        if result is best:
            continue
        for metric, column in HEADLINE.items():
            ours, theirs = (model.by_user[column].to_numpy() for model in (result, best))
            result.versus[metric] = compare_paired(ours, theirs, seed)
