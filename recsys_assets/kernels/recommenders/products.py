"""Products of a sparse matrix that are dense: with another, dense or sparse, and with itself.

    histories x (items x items, a strip of columns at a time) -> scores of these columns
    histories x (items x items, few in a row) -> scores
    Z -> Z'Z, a column at a time

SciPy adds whole rows of the dense matrix, of which none is left in the cache when the next user
needs it. By strips the rows of what many people rate are read from memory once for all users. A
product of sparse ones SciPy makes sparse, looking for what it holds first; of one with itself it
makes both halves, on one core.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recsys_assets.kernels.recommenders.protocol import Scores

_STRIP = 1_024
"""Columns at a time: four kilobytes of each row."""
_COLUMNS_AT_ONCE = 64
"""Columns of Z'Z that a thread makes before it takes others: the later ones are the longer ones."""
_TILE = 64
"""Side of the squares by which a matrix is mirrored: two of them fit a core's cache."""


def sparse_by_dense(left: csr_matrix, right: Scores) -> Scores:
    """The product, rows of ``left`` x columns of ``right``, in single precision."""
    answer = np.zeros((left.shape[0], right.shape[1]), np.float32)
    values = left.data.astype(np.float32, copy=False)
    _add_rows(left.indptr, left.indices, values, right, answer)
    return answer


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _add_rows(starts, columns, values, right, answer):  # type: ignore[no-untyped-def]
    """Add to each row of the answer the rows of ``right`` that its stored values stand for."""
    width = answer.shape[1]
    for low in range(0, width, _STRIP):
        high = min(low + _STRIP, width)
        for row in range(len(answer)):
            own = answer[row, low:high]
            place, end = starts[row], starts[row + 1]
            while place + 4 <= end:
                a, b, c, d = values[place : place + 4]
                first = right[columns[place], low:high]
                second = right[columns[place + 1], low:high]
                third = right[columns[place + 2], low:high]
                fourth = right[columns[place + 3], low:high]
                for at in range(high - low):
                    own[at] += a * first[at] + b * second[at] + c * third[at] + d * fourth[at]
                place += 4
            while place < end:
                value, only = values[place], right[columns[place], low:high]
                for at in range(high - low):
                    own[at] += value * only[at]
                place += 1


def sparse_by_sparse(left: csr_matrix, right: csr_matrix) -> NDArray[np.floating]:
    """The product as a dense matrix, in the precision of both; sums run as SciPy's do."""
    kind = np.result_type(left.dtype, right.dtype)
    answer = np.zeros((left.shape[0], right.shape[1]), kind)
    sides = [(m.indptr, m.indices, m.data.astype(kind, copy=False)) for m in (left, right)]
    _add_sparse_rows(*sides[0], *sides[1], answer)
    return answer


@njit(cache=True, nogil=True, error_model="numpy")
def _add_sparse_rows(starts, columns, values, other_starts, other_columns, other_values, answer):  # type: ignore[no-untyped-def]
    for row in range(len(answer)):
        own = answer[row]
        for place in range(starts[row], starts[row + 1]):
            value, column = values[place], columns[place]
            for other in range(other_starts[column], other_starts[column + 1]):
                own[other_columns[other]] += value * other_values[other]


def gram_upper(z: csr_matrix) -> NDArray[np.floating]:
    """Z'Z, of which only the upper triangle is filled, in Fortran's order as LAPACK wants it.

    Each sum runs over the rows of Z in their order, in its precision, as SciPy's does.
    """
    z = z.sorted_indices()
    # Where the entries of each column lie among those of the rows.
    places = csr_matrix((np.arange(z.nnz, dtype=z.indptr.dtype), z.indices, z.indptr), z.shape)
    by_column = places.tocsc()
    size = z.shape[1]
    answer = np.zeros((size, size), z.dtype)
    columns = (by_column.indptr, by_column.indices, by_column.data)

    def fill(low: int) -> None:
        high = min(low + _COLUMNS_AT_ONCE, size)
        _add_columns(z.indptr, z.indices, z.data, *columns, low, high, answer)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(0, size, _COLUMNS_AT_ONCE)))
    return answer.T


def mirror_upper(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    """The symmetric matrix of an upper triangle in Fortran's order, in place; in C's order."""
    turned = matrix.T
    _mirror_lower(turned)
    return turned


@njit(cache=True, nogil=True, error_model="numpy")
def _add_columns(starts, columns, values, firsts, rows, places, low, high, answer):  # type: ignore[no-untyped-def]
    """Row ``column`` of the answer: its products with itself and the columns before it."""
    for column in range(low, high):
        own = answer[column]
        for at in range(firsts[column], firsts[column + 1]):
            place = places[at]
            value = values[place]
            for other in range(starts[rows[at]], place + 1):
                own[columns[other]] += value * values[other]


@njit(cache=True, nogil=True)
def _mirror_lower(matrix):  # type: ignore[no-untyped-def]
    size = len(matrix)
    for top in range(0, size, _TILE):
        for left in range(0, top + 1, _TILE):
            for row in range(top, min(top + _TILE, size)):
                for column in range(left, min(left + _TILE, row)):
                    matrix[column, row] = matrix[row, column]
