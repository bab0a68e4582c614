"""Recommenders as MLflow serves them: ids in, ranked items out."""

from pathlib import Path

import numpy as np
from mlflow.pyfunc import PythonModelContext
from numpy.typing import NDArray

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.top_k import Floats, Ints
from recsys_assets.registry.answers import ListModel
from recsys_assets.registry.packing import load_model

_NOBODY = -1
"""An id that no user has: theirs begin at 1."""


class RecommenderModel(ListModel):
    """Lists by a fitted recommender.

    What a user rated in training comes last; whoever knows more that they have seen leaves it out.
    A user nobody knows gets what newcomers rate.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the fitted arrays."""
        self.recommender = load_model(Path(context.artifacts["recommender"]))
        self.items = self.recommender.items

    def best(self, users: NDArray[np.int64], k: int) -> tuple[Ints, Floats]:
        """The best of the catalogue."""
        # Cut to 32 bits a greater number would be another user's.
        ids = np.where(np.abs(users) < 2**31, users, _NOBODY).astype(np.int32)
        scores = self.recommender.scores(ids)
        seen = self.recommender.catalogue.histories(ids).seen()
        return best_places(np.where(seen, np.finfo(np.float32).min, scores), k)
