"""The factor model as MLflow serves it: a user's best items, from the vectors alone."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from mlflow.pyfunc import PythonModelContext
from numpy.typing import NDArray

from recsys_assets.kernels.inner_products import top_k
from recsys_assets.kernels.top_k import NO_ITEM, Floats, Ints
from recsys_assets.kernels.vectors import factor_matrix, places_of
from recsys_assets.registry.answers import ListModel


def save_factors(factors: pl.DataFrame, path: Path) -> Path:
    """Write the vectors of the table ``als_factors`` to one NumPy file; its path."""
    arrays: dict[str, Any] = {}
    for (task, side), rows in factors.partition_by("task", "side", as_dict=True).items():
        arrays[f"{task}_{side}_ids"] = rows["id"].to_numpy()
        arrays[f"{task}_{side}_factors"] = factor_matrix(rows["factors"])
    np.savez(path, **arrays)
    return path


class FactorModel(ListModel):
    """Lists by the inner products of vectors.

    It knows no history: whoever asks leaves out what the user has seen. Unknown users get no rows.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the vectors."""
        with np.load(context.artifacts["factors"]) as arrays:
            self.users = arrays["ranking_user_ids"]
            self.items = arrays["ranking_item_ids"]
            self.user_factors = arrays["ranking_user_factors"]
            self.item_factors = arrays["ranking_item_factors"]

    def best(self, users: NDArray[np.int64], k: int) -> tuple[Ints, Floats]:
        """The items whose vectors point the user's way."""
        rows, known = places_of(users, self.users)
        indices = np.full((len(users), k), NO_ITEM, np.int32)
        scores = np.full((len(users), k), -np.inf, np.float32)
        found = top_k(self.user_factors[rows[known]], self.item_factors, k, seen=None)
        indices[known], scores[known] = found
        return indices, scores
