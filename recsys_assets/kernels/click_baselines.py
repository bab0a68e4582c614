"""What others do with the same click rows: the baselines that the click model is measured by.

Each is fitted on raw rows and gives raw rows a probability. Settings are those published with the
approach where there are any; nothing of them is tuned to one file.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.levels import code_of, mix, number_levels
from recsys_assets.kernels.native_lightgbm import lgb

Floats = NDArray[np.float64]
Scorer = Callable[[pl.DataFrame], Floats]
"""Raw rows → click probabilities."""
Baseline = Callable[[pl.DataFrame, pl.DataFrame, int], Scorer]
"""Training rows, validation rows, seed → scorer."""

HASHED = 1 << 18
"""Columns that values are hashed to, as the public notebook does."""


def fit_base_rate(train: pl.DataFrame, validation: pl.DataFrame, seed: int) -> Scorer:
    """The click rate of the training rows, for everybody."""
    rate = float(_labels(train).mean())
    return lambda rows: np.full(rows.height, rate)


def fit_logistic(train: pl.DataFrame, validation: pl.DataFrame, seed: int) -> Scorer:
    """Logistic regression on hashed features, numbers binned by their logarithm."""
    # Imported late: it takes half a second, and every process would load it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=0.1, solver="lbfgs", max_iter=30, random_state=seed)
    with warnings.catch_warnings():
        # 30 steps are enough for four digits of the AUC.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_hashed_levels(train), _labels(train))
    return lambda rows: np.asarray(model.predict_proba(_hashed_levels(rows))[:, 1], np.float64)


def fit_ordinal(train: pl.DataFrame, validation: pl.DataFrame, seed: int) -> Scorer:
    """LightGBM on ordinal codes as categories, numbers as they are.

    Settings of the public notebook: 64 leaves, 100 trees, learning rate 0.15, features 0.8,
    stopped early after 20 trees without a better AUC.
    """
    known = {name: train[name].drop_nulls().unique().sort() for name in CATEGORIES}

    def matrix(rows: pl.DataFrame) -> NDArray[np.float32]:
        columns = [rows[name].cast(pl.Float32).fill_null(np.nan).to_numpy() for name in NUMBERS]
        for name, values in known.items():
            codes = pl.DataFrame({name: values}).with_row_index("code")
            found = rows.select(name).join(codes, on=name, how="left", maintain_order="left")
            columns.append(found["code"].cast(pl.Float32).fill_null(np.nan).to_numpy())
        return np.column_stack(columns)

    settings = {
        "num_leaves": 64, "learning_rate": 0.15, "feature_fraction": 0.8, "min_data_in_leaf": 20,
        "metric": "auc",
    }  # fmt: skip
    categorical = list(range(len(NUMBERS), len(NUMBERS) + len(CATEGORIES)))
    return _boost(train, validation, matrix, settings, seed, categorical)


def fit_hashed(train: pl.DataFrame, validation: pl.DataFrame, seed: int) -> Scorer:
    """LightGBM on hashed features, as Spark's FeatureHasher makes them: a 1 for each value.

    Settings of the public notebook: 32 leaves, 50 trees, learning rate 0.1, features 0.8; without
    its rebalancing of the classes, so that the scores are probabilities. Columns with fewer than
    20 training rows are left away: no leaf could be made of them. Where none is left, the click
    rate is all that is known.
    """
    kept = np.flatnonzero(_hashed_values(train).getnnz(axis=0) >= 20)
    if not len(kept):
        return fit_base_rate(train, validation, seed)

    def matrix(rows: pl.DataFrame) -> csr_matrix:
        return _hashed_values(rows)[:, kept]

    settings = {"num_leaves": 32, "learning_rate": 0.1, "feature_fraction": 0.8}
    return _boost(train, validation, matrix, settings, seed, [], trees=50)


BASELINES: dict[str, Baseline] = {
    "base_rate": fit_base_rate,
    "logistic_regression": fit_logistic,
    "lightgbm_ordinal": fit_ordinal,
    "lightgbm_hashed": fit_hashed,
}
"""Every baseline by its name in tables."""


def _boost(
    train: pl.DataFrame,
    validation: pl.DataFrame,
    matrix: Callable[[pl.DataFrame], Any],
    settings: dict[str, Any],
    seed: int,
    categorical: list[int],
    trees: int = 100,
) -> Scorer:
    settings = {"objective": "binary", "verbosity": -1, "seed": seed, **settings}
    data = lgb.Dataset(
        matrix(train), _labels(train), categorical_feature=categorical, params=settings
    )
    judge = lgb.Dataset(matrix(validation), _labels(validation), reference=data, params=settings)
    stop = lgb.early_stopping(20, verbose=False)
    booster = lgb.train(settings, data, trees, [judge], callbacks=[stop])
    return lambda rows: np.asarray(booster.predict(matrix(rows)), np.float64)


def _labels(rows: pl.DataFrame) -> NDArray[np.int8]:
    return rows[LABEL].cast(pl.Int8).to_numpy()


def _hashed_levels(rows: pl.DataFrame) -> csr_matrix:
    """One 1 per column and row, at the hash of column and value."""
    levels = [number_levels(rows[name]).astype(np.uint32) for name in NUMBERS]
    values = np.ones((rows.height, len(NUMBERS) + len(CATEGORIES)), np.float32)
    return _sparse([*levels, *_codes(rows)], values)


def _hashed_values(rows: pl.DataFrame) -> csr_matrix:
    """Numbers at the hash of their column, categories as a 1 at the hash of column and value."""
    numbers = [rows[name].cast(pl.Float32).fill_null(0).to_numpy() for name in NUMBERS]
    zeros = [np.zeros(rows.height, np.uint32)] * len(NUMBERS)
    present = [rows[name].is_not_null().cast(pl.Float32).to_numpy() for name in CATEGORIES]
    return _sparse([*zeros, *_codes(rows)], np.column_stack([*numbers, *present]))


def _codes(rows: pl.DataFrame) -> list[NDArray[np.uint32]]:
    columns = rows.select(code_of(name).fill_null(0) for name in CATEGORIES)
    return [columns[name].to_numpy() for name in CATEGORIES]


def _sparse(keys: list[NDArray[np.uint32]], values: NDArray[np.float32]) -> csr_matrix:
    rows, columns = values.shape
    hashed = [
        mix(np.full(rows, number + 1, np.uint32), key) % np.uint32(HASHED)
        for number, key in enumerate(keys)
    ]
    starts = np.arange(0, rows * columns + 1, columns)
    shape = (rows, HASHED)
    matrix = csr_matrix((values.ravel(), np.column_stack(hashed).ravel(), starts), shape)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
