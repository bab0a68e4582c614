"""The k best items of users from their scores, best first, and their rows."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NO_ITEM = -1
"""Fills the places of a user for whom fewer than k items are left."""


def best_places(scores: Floats, k: int) -> tuple[Ints, Floats]:
    """Columns and scores of each row's k best, best first, equal scores by column.

    Unlike a partial sort alone, it is the least columns that are kept where several share the last
    place, so that a list depends on nothing but the scores.

    Args:
        scores: rows x columns; minus infinity is never among the best.
        k: places to fill, at least 1.

    Returns:
        Both rows x k; `NO_ITEM` and minus infinity where too few columns have a score.
    """
    if k < 1:
        raise ValueError(f"k is the length of a list and must be at least 1, not {k}")
    rows, columns = scores.shape
    width = min(k, columns)
    indices = np.full((rows, k), NO_ITEM, np.int32)
    best = np.full((rows, k), -np.inf, np.float32)
    if not rows or not width:
        return indices, best
    last = np.partition(scores, columns - width, axis=1)[:, columns - width]
    chosen = _least_columns(scores, last, width)
    values = np.take_along_axis(scores, chosen, 1)
    order = np.lexsort((chosen, -values), axis=1)
    best[:, :width] = np.take_along_axis(values, order, 1)
    ordered = np.take_along_axis(chosen, order, 1)
    indices[:, :width] = np.where(np.isneginf(best[:, :width]), NO_ITEM, ordered)
    return indices, best


def _least_columns(scores: Floats, last: Floats, width: int) -> NDArray[np.int64]:
    """The columns above each row's last admitted score, then the least ones that reach it."""
    above = scores > last[:, np.newaxis]
    level = scores == last[:, np.newaxis]
    room = width - above.sum(axis=1)
    kept = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room[:, np.newaxis]))
    return np.nonzero(kept)[1].reshape(len(scores), width)


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
