"""Boosted trees over the files of ``click_features``, in Spark's workers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.contracts.click_tables import CLICK_FEATURES
from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.boosting import click_probability, loss_by_tree, read_booster
from recsys_assets.lake.store import read_parquet
from recsys_assets.steps.clicks import Part, parts_of
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


def feature_parts(session: Session, split: str) -> list[Part]:
    """Files of one part of the split, in the order of time."""
    return parts_of(session.lake, CLICK_FEATURES, "split", split)


def score(
    session: Session, booster: str, parts: list[Part]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Labels and click probabilities of all rows, in order.

    Args:
        session: whose workers score.
        booster: LightGBM's own text of the trees.
        parts: files of ``click_features``.
    """
    shared = session.spark.sparkContext.broadcast(booster)

    def work(part: Part) -> Iterator[dict[str, Any]]:
        rows = read_parquet(part.path)
        probability = click_probability(read_booster(shared.value), rows)
        yield {
            "label": rows[LABEL].cast(pl.Int8).to_numpy().tobytes(),
            "probability": probability.tobytes(),
        }

    rows = [row for _, row in map_items(session.spark, parts, work)]
    shared.destroy()
    return (
        np.frombuffer(b"".join(row["label"] for row in rows), np.int8),
        np.frombuffer(b"".join(row["probability"] for row in rows), np.float64),
    )


def mean_loss_by_tree(session: Session, booster: str, parts: list[Part]) -> NDArray[np.float64]:
    """Log loss of all rows after the first tree, the second, and so on."""
    shared = session.spark.sparkContext.broadcast(booster)

    def work(part: Part) -> Iterator[dict[str, Any]]:
        rows = read_parquet(part.path)
        label = rows[LABEL].cast(pl.Int8).to_numpy()
        loss = loss_by_tree(read_booster(shared.value), rows, label)
        yield {"rows": rows.height, "loss": loss.tolist()}

    rows = [row for _, row in map_items(session.spark, parts, work)]
    shared.destroy()
    total: NDArray[np.float64] = np.sum([row["loss"] for row in rows], axis=0)
    return total / sum(row["rows"] for row in rows)
