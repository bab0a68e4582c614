"""Judging a model's lists: vectors, histories and held-out rows in, metrics of each user out."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from recsys_assets.kernels.inner_products import top_k
from recsys_assets.kernels.metrics.ranking import ranking_by_user
from recsys_assets.kernels.top_k import ranked_rows
from recsys_assets.kernels.vectors import Vectors


@dataclass(frozen=True)
class RankingTask:
    """One model's vectors, what its users have seen, and what they should have been offered."""

    vectors: Vectors
    seen: csr_matrix
    """Users × items, stored where the item is out of the question."""
    truth: pl.DataFrame
    """Held-out rows: user, item."""
    k: int

    def metrics_of_block(self, block: tuple[int, int]) -> pl.DataFrame:
        """Ranking metrics per user, for the users of a block that have held-out rows."""
        users = self.vectors.users[slice(*block)]
        truth = self.truth.filter(pl.col("user").is_in(users))
        asked = np.flatnonzero(np.isin(users, truth["user"].to_numpy())) + block[0]
        indices, scores = top_k(
            self.vectors.user_factors[asked], self.vectors.item_factors, self.k, self.seen[asked]
        )
        lists = ranked_rows(self.vectors.users[asked], self.vectors.items, indices, scores)
        return ranking_by_user(lists.rename({"owner": "user"}), truth, self.k)
