"""A sparse matrix times a dense one, by strips of the dense one that stay in a core's cache.

    histories x (items x items, a strip of columns at a time) -> scores of these columns

SciPy adds whole rows of the dense matrix, of which none is left in the cache when the next user
needs it. By strips the rows of what many people rate are read from memory once for all users.
"""

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

from recsys_assets.kernels.recommenders.protocol import Scores

_STRIP = 1_024
"""Columns at a time: four kilobytes of each row."""


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
