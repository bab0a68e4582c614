"""The popularity model as MLflow serves it: the same list for everybody."""

from typing import Any

import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class PopularityModel(PythonModel):
    """Answers rows of ``user`` and ``k`` with rows of ``user``, ``rank``, ``item``, ``score``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the list, the most popular item first."""
        self.items = pd.read_parquet(context.artifacts["popularity"])

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The k most popular items for each row."""
        lists = []
        for user, k in model_input[["user", "k"]].itertuples(index=False):
            best = self.items.head(int(k))
            score = best["rating_count"].astype("float32").to_numpy()
            ranks = range(1, len(best) + 1)
            lists.append(
                pd.DataFrame({"user": user, "rank": ranks, "item": best["item"], "score": score})
            )
        return pd.concat(lists, ignore_index=True)
