"""Lists of the k best items of users, best first, as rows."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NO_ITEM = -1
"""Fills the places of a user for whom fewer than k items are left."""


def ranked_rows(owners: Ints, items: Ints, indices: Ints, scores: Floats) -> pl.DataFrame:
    """Lists of `best_places` or of inner products as rows, without places that no item fills.

    Args:
        owners: whose lists they are, one id a row of ``indices``.
        items: id of each item index.
        indices: item indices, owners × k.
        scores: their scores, owners × k.

    Returns:
        owner, rank (1 is the best), item, score; by owner as given, then rank.
    """
    count, k = indices.shape
    frame = pl.DataFrame(
        {
            "owner": np.repeat(owners, k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), count),
            "item": items[indices.ravel()] if len(items) else indices.ravel(),
            "score": scores.ravel(),
        }
    )
    return frame.filter(pl.Series(indices.ravel() != NO_ITEM))


def unit_rows(vectors: Floats) -> Floats:
    """Rows scaled to length 1, so that inner products are cosines; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return scaled
