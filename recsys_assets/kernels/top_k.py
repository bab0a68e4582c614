"""The k best items of users, from vectors or from scores, best first, and their rows."""

import numpy as np
import polars as pl
from implicit.cpu.topk import topk
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NO_ITEM = -1
"""Fills the places of a user for whom fewer than k items are left."""


def top_k(users: Floats, items: Floats, k: int, seen: csr_matrix | None) -> tuple[Ints, Floats]:
    """Indices and scores of each user's k best items, best first, equal scores by index.

    Where several items share the score of the last place, the same one is kept every time, but not
    always the one of the smallest index.

    Args:
        users: user factors, users × factors.
        items: item factors, items × factors; the score is the inner product.
        k: places to fill.
        seen: users × items, stored where an item must not be recommended; None masks nothing.

    Returns:
        Item indices and scores, users × k; ``NO_ITEM`` and minus infinity where no item is left.
    """
    width = min(k, len(items))
    if not len(users) or not width:
        shape = (len(users), k)
        return np.full(shape, NO_ITEM, np.int32), np.full(shape, -np.inf, np.float32)
    indices, scores = topk(
        np.ascontiguousarray(items, np.float32),
        np.ascontiguousarray(users, np.float32),
        width,
        filter_query_items=seen,
        num_threads=1,
    )
    # The library marks masked items by the lowest float instead of leaving them out.
    masked = scores <= np.finfo(np.float32).min
    indices = np.where(masked, NO_ITEM, indices).astype(np.int32)
    scores = np.where(masked, -np.inf, scores).astype(np.float32)
    order = np.lexsort((indices, -scores), axis=-1)
    missing = ((0, 0), (0, k - width))
    return (
        np.pad(np.take_along_axis(indices, order, 1), missing, constant_values=NO_ITEM),
        np.pad(np.take_along_axis(scores, order, 1), missing, constant_values=-np.inf),
    )


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
    """The answer of `top_k` or `best_places` as rows, without places that no item fills.

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
