"""The bundle as MLflow serves it: the same lists and scores without the service."""

from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from recsys_assets.serving.bundle import load_bundle
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.recommending import segment_list, stored_list


class BundleModel(PythonModel):  # type: ignore[misc]
    """Answers rows of ``user`` and ``k`` with rows of ``user``, ``rank``, ``item``, ``score``.

    Users nobody knows get what most people watch.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the bundle, and prove it as the service does."""
        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """The list of each user asked for.

        Raises:
            ValueError: a k is less than 1.
        """
        # Counted back from a list's start it would reach into those of other users.
        if (model_input["k"] < 1).any():
            raise ValueError("k: items to return, 1 or more")
        rows = []
        for user, k in model_input[["user", "k"]].itertuples(index=False):
            asked = ("champion", self.bundle, int(user), int(k))
            body = stored_list(*asked) or segment_list(*asked, Filters())
            listed = msgspec.json.decode(body)["recommendations"]
            rows += [(int(user), r["rank"], r["item"], float(r["score"])) for r in listed]
        return pd.DataFrame(rows, columns=["user", "rank", "item", "score"])
