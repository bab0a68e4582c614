"""Compiling ahead what every run needs; later processes find the code on the disk."""

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.hashing import build_slots, find_places
from recsys_assets.kernels.native_lightgbm import lgb
from recsys_assets.kernels.recommending import TopKTask
from recsys_assets.kernels.sorting import sort_numbers
from recsys_assets.kernels.vectors import Vectors


def compile_kernels() -> None:
    """Do the least there is with each."""
    _recommend()
    _look_up()
    _score_by_trees()


def _recommend() -> None:
    """Fit the smallest ALS model there is, and list for its user."""
    ratings = csr_matrix(np.ones((1, 1), np.float32))
    users, items = fit_factors(ratings, Objective(1, 1.0, 1.0), 1, 0)
    ids = np.zeros(1, np.int32)
    TopKTask(Vectors(ids, ids, users, items), ratings, 1).lists_of_block((0, 1))


def _look_up() -> None:
    """Sort one number, and find one code; polars hands out arrays that cannot be written to."""
    sort_numbers(np.zeros(1, np.uint64), 1)
    codes = pl.Series([1], dtype=pl.UInt32).to_numpy()
    find_places(codes, build_slots(codes), 0)


def _score_by_trees() -> None:
    """Score two rows by a tree grown on them."""
    rows = np.array([[0], [1]], np.float32)
    settings = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "verbosity": -1}
    grown = lgb.train(settings, lgb.Dataset(rows, rows[:, 0]), 1)
    trees = BoostedTrees(grown.model_to_string())
    trees.running_scores(rows)
