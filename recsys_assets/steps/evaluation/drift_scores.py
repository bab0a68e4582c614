"""What the models say of the rows of a drop: stars expected of pairs, click probabilities."""

from collections.abc import Callable

import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_EFFECTS, CLICK_ENCODER, CLICK_MODEL
from recsys_assets.contracts.models import ALS_FACTORS
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.encode import encode
from recsys_assets.registry.click_files import read_encoder
from recsys_assets.steps.recommenders.candidates import read_vectors
from recsys_assets.steps.session import Session

Scorer = Callable[[pl.DataFrame], pl.Series]
"""Rows of a data set → what the model says of each, null where it says nothing."""


def rating_scorer(session: Session) -> Scorer | None:
    """Stars that the model expects of each pair; null where it knows the user or item not.

    None where no model was trained yet.
    """
    if not session.lake.exists(ALS_FACTORS):
        return None
    vectors = read_vectors(session.lake, "rating")

    def score(rows: pl.DataFrame) -> pl.Series:
        user, item, known = vectors.places(rows["user"].to_numpy(), rows["item"].to_numpy())
        stars = np.full(rows.height, np.nan)
        one, other = vectors.user_factors[user[known]], vectors.item_factors[item[known]]
        stars[known] = np.einsum("ij,ij->i", one, other)
        return pl.Series(stars).fill_nan(None)

    return score


def click_scorer(session: Session) -> Scorer | None:
    """Click probability of each row; None where no model was trained yet."""
    if not all(map(session.lake.exists, (CLICK_MODEL, CLICK_ENCODER, CLICK_EFFECTS))):
        return None
    tables = (session.lake.scan(table).collect() for table in (CLICK_ENCODER, CLICK_EFFECTS))
    encoder = read_encoder(*tables).without_folds()
    model = session.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    trees = BoostedTrees(model["booster"])
    blend = Blend(*(model[f"blend_{name}"] for name in Blend._fields))
    return lambda rows: pl.Series(click_probability(trees, encode(rows, encoder), blend))
