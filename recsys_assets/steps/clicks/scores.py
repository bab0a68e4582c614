"""Boosted trees over the files of ``click_features``, in Spark's workers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.contracts.click_tables import CLICK_FEATURES
from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import (
    additive_log_odds,
    loss_by_tree,
    tree_log_odds,
)
from recsys_assets.lake.store import read_parquet
from recsys_assets.steps.clicks.parts import Part, parts_of
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


@dataclass(frozen=True)
class Scores:
    """Rows in order: their labels, and the log odds of both models."""

    label: NDArray[np.int8]
    trees: NDArray[np.float64]
    margin: NDArray[np.float64]

    def probability(self, blend: Blend) -> NDArray[np.float64]:
        """Click probabilities."""
        return blend.probability(self.trees, self.margin)


def feature_parts(session: Session, split: str) -> list[Part]:
    """Files of one part of the split, in the order of time."""
    return parts_of(session.lake, CLICK_FEATURES, "split", split)


def score(session: Session, trees: str, parts: list[Part]) -> Scores:
    """Labels and log odds of all rows, in order.

    Args:
        session: whose workers score.
        trees: LightGBM's own text of them.
        parts: files of ``click_features``.
    """
    shared = session.spark.sparkContext.broadcast(trees)

    def work(part: Part) -> Iterator[tuple[NDArray[Any], ...]]:
        rows = read_parquet(part.path)
        scores = tree_log_odds(BoostedTrees(shared.value), rows)
        yield rows[LABEL].cast(pl.Int8).to_numpy(), scores, additive_log_odds(rows)

    found = [columns for _, columns in map_items(session.spark, parts, work)]
    shared.destroy()
    return Scores(*map(np.concatenate, zip(*found, strict=True)))


def mean_loss_by_tree(session: Session, trees: str, parts: list[Part]) -> NDArray[np.float64]:
    """Log loss of all rows after the first tree, the second, and so on."""
    shared = session.spark.sparkContext.broadcast(trees)

    def work(part: Part) -> Iterator[NDArray[np.float64]]:
        rows = read_parquet(part.path)
        label = rows[LABEL].cast(pl.Int8).to_numpy()
        yield loss_by_tree(BoostedTrees(shared.value), rows, label)

    losses = [loss for _, loss in map_items(session.spark, parts, work)]
    shared.destroy()
    total: NDArray[np.float64] = np.sum(losses, axis=0)
    return total / sum(part.rows for part in parts)
