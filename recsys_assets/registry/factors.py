"""The factor model as MLflow serves it: a user's best items, from the vectors alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from mlflow.pyfunc import PythonModel, PythonModelContext

from recsys_assets.kernels.top_k import ranked_rows, top_k
from recsys_assets.kernels.vectors import factor_matrix, places_of


def save_factors(factors: pl.DataFrame, path: Path) -> Path:
    """Write the vectors of the table ``als_factors`` to one NumPy file; its path."""
    arrays: dict[str, Any] = {}
    for (task, side), rows in factors.partition_by("task", "side", as_dict=True).items():
        arrays[f"{task}_{side}_ids"] = rows["id"].to_numpy()
        arrays[f"{task}_{side}_factors"] = factor_matrix(rows["factors"])
    np.savez(path, **arrays)
    return path


class FactorModel(PythonModel):
    """Answers rows of ``user`` and ``k`` with rows of ``user``, ``rank``, ``item``, ``score``.

    It knows no history: whoever asks leaves out what the user has seen. Unknown users get no rows.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the vectors."""
        with np.load(context.artifacts["factors"]) as arrays:
            self.users = arrays["ranking_user_ids"]
            self.items = arrays["ranking_item_ids"]
            self.user_factors = arrays["ranking_user_factors"]
            self.item_factors = arrays["ranking_item_factors"]

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The best items of each user asked for."""
        asked = model_input["user"].to_numpy()
        rows, known = places_of(asked, self.users)
        wanted = model_input["k"].to_numpy()[known]
        k = int(wanted.max(initial=1))
        indices, scores = top_k(self.user_factors[rows[known]], self.item_factors, k, seen=None)
        # A user who is asked for twice has two lists: they are told apart by the place of the row.
        lists = ranked_rows(np.arange(len(wanted), dtype=np.int32), self.items, indices, scores)
        place = lists["owner"].to_numpy()
        lists = lists.with_columns(user=pl.Series(asked[known][place], dtype=pl.Int64))
        within = pl.Series(lists["rank"].to_numpy() <= wanted[place])
        return lists.filter(within).select("user", "rank", "item", "score").to_pandas()
