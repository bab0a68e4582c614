"""Compiled kernels of `boosted_trees`: where the leaves' bits stand, and scores of blocks of rows.

A row holds a bit for each leaf it can still reach: each comparison is made for all rows of a block,
without a branch, and one that sends a row to the right takes away the leaves on the left. The
lowest bit that remains is the row's leaf. Source: Lucchese et al., "QuickScorer: a fast algorithm
to rank documents with additive ensembles of regression trees" (2015), by blocks of rows as in their
"Exploiting CPU SIMD extensions to speed-up document scoring with tree ensembles" (2016).
"""

import numpy as np
from numba import njit

MOST_LEAVES = 64
"""Bits of a word."""
_ROWS = 256
"""Rows of a block, of which the processor's first cache holds features and bits."""
_ZERO = np.float32(1e-35)
"""The greatest value that LightGBM takes for 0."""
_ALL = 0xFFFF_FFFF_FFFF_FFFF
_DE_BRUIJN, _SHIFT = 0x03F7_9D71_B4CB_0A89, 58
"""A single bit times this number tells by its first six bits which it was: Leiserson et al.,
"Using de Bruijn sequences to index a 1 in a computer word" (1998)."""


@njit(cache=True, nogil=True)
def leaf_bits(left, right, leaf_values, starts):  # type: ignore[no-untyped-def]
    """Masks of all comparisons and places of all leaves, whose bits stand from left to right.

    A child's number is above its parent's; that of a leaf is below 0.
    """
    masks = np.empty(len(left), np.uint64)
    values = np.zeros((len(starts) - 1, 64))
    below, first = np.empty(64, np.int64), np.empty(64, np.int64)
    for tree in range(len(starts) - 1):
        start, count = starts[tree], starts[tree + 1] - starts[tree]
        own = leaf_values[start + tree :]
        if count == 0:
            values[tree, (np.uint64(1) * np.uint64(_DE_BRUIJN)) >> np.uint64(_SHIFT)] = own[0]
        for node in range(count - 1, -1, -1):
            one, other = left[start + node], right[start + node]
            below[node] = (1 if one < 0 else below[one]) + (1 if other < 0 else below[other])
        first[0] = 0
        for node in range(count):
            one, other = left[start + node], right[start + node]
            on_left = 1 if one < 0 else below[one]
            bits = (np.uint64(1) << np.uint64(on_left)) - np.uint64(1)
            masks[start + node] = ~(bits << np.uint64(first[node]))
            for child, bit in ((one, first[node]), (other, first[node] + on_left)):
                if child < 0:
                    place = (np.uint64(1) << np.uint64(bit)) * np.uint64(_DE_BRUIJN)
                    values[tree, place >> np.uint64(_SHIFT)] = own[~child]
                else:
                    first[child] = bit
    return masks, values


@njit(cache=True, nogil=True, error_model="numpy")
def add_trees(rows, layout, answer, running):  # type: ignore[no-untyped-def]
    """Add the trees to the answer; where ``running`` has rows they take it after each tree."""
    block = np.empty((rows.shape[1], _ROWS), np.float32)
    reach = np.empty(_ROWS, np.uint64)
    every = np.uint64(_ALL)
    for low in range(0, len(rows), _ROWS):
        count = min(_ROWS, len(rows) - low)
        for row in range(count):
            for column in range(rows.shape[1]):
                value = rows[low + row, column]
                block[column, row] = np.float32(0) if abs(value) <= _ZERO else value
        for tree in range(len(layout.values)):
            reach[:] = every
            for node in range(layout.starts[tree], layout.starts[tree + 1]):
                own, threshold = block[layout.columns[node]], layout.thresholds[node]
                mask = layout.masks[node]
                # A comparison with NaN is false.
                if layout.nan_left[node]:
                    for row in range(count):
                        reach[row] &= mask if own[row] > threshold else every
                else:
                    for row in range(count):
                        reach[row] &= every if own[row] <= threshold else mask
            of_tree = layout.values[tree]
            for row in range(count):
                lowest = reach[row] & (~reach[row] + np.uint64(1))
                place = (lowest * np.uint64(_DE_BRUIJN)) >> np.uint64(_SHIFT)
                answer[low + row] += of_tree[place]
            if len(running):
                running[tree, low : low + count] = answer[low : low + count]
