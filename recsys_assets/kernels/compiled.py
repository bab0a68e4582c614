"""Compiling ahead what every run needs; later processes find the code on the disk."""

import numpy as np
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective, fit_factors
from recsys_assets.kernels.recommending import TopKTask
from recsys_assets.kernels.vectors import Vectors


def compile_kernels() -> None:
    """Fit the smallest ALS model there is, and list for its user."""
    ratings = csr_matrix(np.ones((1, 1), np.float32))
    users, items = fit_factors(ratings, Objective(1, 1.0, 1.0), 1, 0)
    ids = np.zeros(1, np.int32)
    TopKTask(Vectors(ids, ids, users, items), ratings, 1).lists_of_block((0, 1))
