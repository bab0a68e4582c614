"""The k best items of users by the inner product of vectors, exact, block by block.

    some users x some items -> their product in a buffer that fits a core's cache -> k best so far

BLAS multiplies. Compiled code then looks at 128 scores at once whether one of them belongs among
the user's k best so far; after the first blocks hardly any does, so that choosing costs a fifth of
multiplying. No matrix of all scores is ever made.
"""

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

from recsys_assets.kernels.choosing import choose, free_places
from recsys_assets.kernels.top_k import Floats, Ints

USERS, ITEMS = 128, 4096
"""Sides of a block; its product takes 2 MB."""


def top_k(users: Floats, items: Floats, k: int, seen: csr_matrix | None) -> tuple[Ints, Floats]:
    """Indices and scores of each user's k best items, best first, equal scores by index.

    Args:
        users: user factors, users × factors.
        items: item factors, items × factors; the score is the inner product.
        k: places to fill, at least 1.
        seen: users × items, stored where an item must not be recommended; None masks nothing.

    Returns:
        Item indices and scores, users × k; ``NO_ITEM`` and minus infinity where no item is left.
    """
    indices, best = free_places(len(users), k)
    masked = _no_items(len(users)) if seen is None else seen.sorted_indices()
    buffer = np.empty((USERS, ITEMS), np.float32)
    blocks = [
        (first, np.ascontiguousarray(items[first : first + ITEMS].T, np.float32))
        for first in range(0, len(items), ITEMS)
    ]
    for start in range(0, len(users), USERS):
        rows = slice(start, min(start + USERS, len(users)))
        asked = np.ascontiguousarray(users[rows], np.float32)
        ends = masked.indptr[start + 1 : rows.stop + 1]
        places = masked.indptr[rows].copy()
        for first, block in blocks:
            scores = buffer[: len(asked), : block.shape[1]]
            np.matmul(asked, block, out=scores)
            _choose(scores, first, masked.indices, places, ends, indices[rows], best[rows])
    return indices, best


def _no_items(users: int) -> csr_matrix:
    return csr_matrix((users, 0), dtype=np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _choose(scores, first, seen, places, ends, indices, best):  # type: ignore[no-untyped-def]
    """Take the scores of some more items into each user's k best.

    Args:
        scores: users × items; overwritten where an item is masked.
        first: index of the first of these items.
        seen: indices of masked items, ascending for each user.
        places: where in them each user has got to; moved on.
        ends: where each user's end.
        indices: each user's items so far, best first; overwritten.
        best: their scores; overwritten.
    """
    width = scores.shape[1]
    for row in range(len(scores)):
        own = scores[row]
        place = places[row]
        while place < ends[row] and seen[place] < first + width:
            own[seen[place] - first] = -np.inf
            place += 1
        places[row] = place
        choose(own, first, indices[row], best[row])
