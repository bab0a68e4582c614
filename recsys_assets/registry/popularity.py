"""The popularity model as MLflow serves it: the same list for everybody."""

import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModelContext
from numpy.typing import NDArray

from recsys_assets.kernels.top_k import Floats, Ints
from recsys_assets.registry.answers import ListModel


class PopularityModel(ListModel):
    """Lists by the number of ratings."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the list, the most popular item first."""
        listed = pd.read_parquet(context.artifacts["popularity"])
        self.items = listed["item"].to_numpy()
        self.counts = listed["rating_count"].to_numpy().astype(np.float32)

    def best(self, users: NDArray[np.int64], k: int) -> tuple[Ints, Floats]:
        """The first of the list."""
        width = min(k, len(self.items))
        shape = (len(users), width)
        places = np.arange(width, dtype=np.int32)
        return np.broadcast_to(places, shape), np.broadcast_to(self.counts[:width], shape)
