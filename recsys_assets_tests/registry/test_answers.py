"""Models that list items, as MLflow asks them."""

import numpy as np
import pandas as pd
import polars as pl

from recsys_assets.kernels.recommenders.histories import build_catalogue
from recsys_assets.kernels.recommenders.popularity import Popularity
from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.registry.factors import FactorModel
from recsys_assets.registry.recommenders import RecommenderModel

BEYOND = 2**32 + 1
"""An id whose lower 32 bits are those of user 1."""
ASKED = pd.DataFrame({"user": [1, BEYOND], "k": 2})


def test_a_number_beyond_32_bits_is_nobody_to_the_factor_model() -> None:
    model = FactorModel()
    model.users, model.items = np.array([1], np.int32), np.array([10, 20], np.int32)
    model.user_factors = np.ones((1, 2), np.float32)
    model.item_factors = np.eye(2, dtype=np.float32)
    assert model.predict(None, ASKED)["user"].unique().tolist() == [1]  # type: ignore[arg-type]


def test_a_number_beyond_32_bits_is_shown_what_newcomers_are() -> None:
    rows = pl.DataFrame({"user": [1, 2], "item": [10, 20], "rating": [4.0, 4.0]})
    catalogue = build_catalogue(rating_data(rows), None)
    newcomers = np.array([5.0, 6.0], np.float32)
    model = RecommenderModel()
    model.recommender = SingleMember(catalogue, Popularity(catalogue.counts()), newcomers)
    model.items = catalogue.items
    answer = model.predict(None, ASKED)  # type: ignore[arg-type]
    assert answer[answer.user == BEYOND]["score"].tolist() == [6.0, 5.0]
