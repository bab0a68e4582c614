"""The k best columns of rows of scores, best first, in compiled code.

It looks at 128 scores at once whether one of them belongs among the k best so far; after the first
few hundred hardly any does.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys_assets.kernels.top_k import NO_ITEM, Floats, Ints

_GLANCE = 128
"""Scores that are compared at once."""


def best_places(
    scores: Floats, k: int, hidden: NDArray[np.bool_] | None = None
) -> tuple[Ints, Floats]:
    """Columns and scores of each row's k best, best first, equal scores by column.

    It is the least columns that are kept where several share the last place, so that a list depends
    on nothing but the scores.

    Args:
        scores: rows x columns; minus infinity and NaN are never among the best.
        k: places to fill, at least 1.
        hidden: rows x columns, where a column must not be among the best; None hides nothing.

    Returns:
        Both rows x k; `NO_ITEM` and minus infinity where too few columns have a score.
    """
    indices, best = free_places(len(scores), k)
    values = np.ascontiguousarray(scores, np.float32)
    if hidden is None:
        _choose_all(values, indices, best)
    else:
        _choose_shown(values, hidden, indices, best)
    return indices, best


def free_places(rows: int, k: int) -> tuple[Ints, Floats]:
    """Lists of k places that nothing fills yet: indices and scores, rows x k."""
    if k < 1:
        raise ValueError(f"k is the length of a list and must be at least 1, not {k}")
    return np.full((rows, k), NO_ITEM, np.int32), np.full((rows, k), -np.inf, np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_all(scores, indices, best):  # type: ignore[no-untyped-def]
    for row in range(len(scores)):
        choose(scores[row], 0, indices[row], best[row])


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_shown(scores, hidden, indices, best):  # type: ignore[no-untyped-def]
    shown = np.empty(scores.shape[1], np.float32)
    for row in range(len(scores)):
        own, out = scores[row], hidden[row]
        for column in range(len(own)):
            shown[column] = np.float32(-np.inf) if out[column] else own[column]
        choose(shown, 0, indices[row], best[row])


@njit(cache=True, nogil=True, error_model="numpy")
def choose(scores, first, indices, best):  # type: ignore[no-untyped-def]
    """Take the scores of some more columns of one row into its k best.

    Args:
        scores: of these columns.
        first: number of the first of them.
        indices: the columns so far, best first; overwritten.
        best: their scores; overwritten.
    """
    whole = len(scores) - len(scores) % _GLANCE
    for start in range(0, whole, _GLANCE):
        glance = scores[start : start + _GLANCE]
        last, above = best[-1], np.int32(0)
        for column in range(_GLANCE):
            above += np.int32(glance[column] > last)
        if above:
            _insert(glance, first + start, indices, best)
    _insert(scores[whole:], first + whole, indices, best)


@njit(cache=True, nogil=True, error_model="numpy")
def _insert(scores, first, indices, best):  # type: ignore[no-untyped-def]
    """Each score that beats the last of the best goes behind those that it does not beat."""
    for column, score in enumerate(scores):
        if score > best[-1]:
            place = len(best) - 1
            while place > 0 and best[place - 1] < score:
                best[place], indices[place] = best[place - 1], indices[place - 1]
                place -= 1
            best[place], indices[place] = score, first + column
