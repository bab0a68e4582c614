"""Recommenders as MLflow serves them: ids or a few ratings in, ranked items out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from mlflow.pyfunc import PythonModel, PythonModelContext

from recsys_assets.kernels.recommenders.histories import USERS_AT_ONCE
from recsys_assets.kernels.top_k import ranked_rows
from recsys_assets.registry.packing import load_model


class RecommenderModel(PythonModel):  # type: ignore[misc]
    """Answers rows of ``user`` and ``k`` with rows of ``user``, ``rank``, ``item``, ``score``.

    What a user rated in training comes last; whoever knows more that they have seen leaves it out.
    A user nobody knows gets what newcomers rate.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the fitted arrays."""
        self.recommender = load_model(Path(context.artifacts["recommender"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The best items of each row."""
        asked = model_input["user"].to_numpy().astype(np.int64)
        wanted = model_input["k"].to_numpy().astype(np.int64)
        parts = [
            self._lists(asked[at : at + USERS_AT_ONCE], wanted[at : at + USERS_AT_ONCE])
            for at in range(0, len(asked), USERS_AT_ONCE)
        ]
        schema = {"user": pl.Int64, "rank": pl.Int32, "item": pl.Int32, "score": pl.Float32}
        return (pl.concat(parts) if parts else pl.DataFrame(schema=schema)).to_pandas()

    def _lists(self, asked: np.ndarray, wanted: np.ndarray) -> pl.DataFrame:
        scores = self.recommender.scores(asked.astype(np.int32))
        histories = self.recommender.catalogue.histories(asked.astype(np.int32))
        scores = np.where(histories.seen(), np.finfo(np.float32).min, scores)
        k = int(min(wanted.max(initial=1), scores.shape[1]))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
        # A user who is asked for twice has two lists: they are told apart by the place of the row.
        rows = ranked_rows(
            np.arange(len(asked), dtype=np.int32),
            self.recommender.items,
            best,
            np.take_along_axis(scores, best, axis=1),
        )
        place = rows["owner"].to_numpy()
        within = pl.Series(rows["rank"].to_numpy() <= wanted[place])
        users = pl.Series(asked[place], dtype=pl.Int64)
        return rows.with_columns(user=users).filter(within).select("user", "rank", "item", "score")
