"""What models that list items have in common where MLflow serves them.

rows of user and k -> the model's best items of each user -> rows of user, rank, item, score
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

from recsys_assets.kernels.recommenders.histories import USERS_AT_ONCE
from recsys_assets.kernels.top_k import Floats, Ints, ranked_rows

_REQUEST = pl.Schema({"user": pl.Int64, "k": pl.Int64})
_ANSWER = pl.Schema({"user": pl.Int64, "rank": pl.Int32, "item": pl.Int32, "score": pl.Float32})


def request_for(users: Sequence[int] | pl.Series | Ints, k: int = 10) -> pl.DataFrame:
    """Rows that ask for the k best items of each user, in the types that signatures have."""
    return pl.DataFrame({"user": users, "k": k}, schema=_REQUEST)


class ListModel(PythonModel):  # type: ignore[misc]
    """Answers rows of ``user`` and ``k`` with rows of ``user``, ``rank``, ``item``, ``score``."""

    items: Ints
    """Ids of the items it lists."""

    @abstractmethod
    def best(self, users: NDArray[np.int64], k: int) -> tuple[Ints, Floats]:
        """Places in `items` and scores of each user's k best, both users x k.

        `NO_ITEM` and minus infinity where there is none.
        """

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
        return (pl.concat(parts) if parts else pl.DataFrame(schema=_ANSWER)).to_pandas()

    def _lists(self, asked: NDArray[np.int64], wanted: NDArray[np.int64]) -> pl.DataFrame:
        indices, scores = self.best(asked, int(wanted.max(initial=1)))
        # A user who is asked for twice has two lists: they are told apart by the place of the row.
        rows = ranked_rows(np.arange(len(asked), dtype=np.int32), self.items, indices, scores)
        place = rows["owner"].to_numpy()
        within = pl.Series(rows["rank"].to_numpy() <= wanted[place])
        users = pl.Series(asked[place], dtype=pl.Int64)
        return rows.with_columns(user=users).filter(within).select(list(_ANSWER)).cast(_ANSWER)
