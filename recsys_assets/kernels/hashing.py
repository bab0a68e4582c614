"""Finding codes in a table that is asked again and again: built once, a look or two for each code.

codes of the table -> slots -> place of each of many codes

A join builds its table anew for each block of rows, which for a million codes takes longer than
looking up the block.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Slots = NDArray[np.uint64]
"""Code x 2^32 + place + 1; 0 is empty. As many as the least power of two that leaves half empty."""

_MULTIPLIER = 0x9E3779B1
"""Knuth, "The Art of Computer Programming", vol. 3, 6.4 (1998): 2^32 by the golden ratio."""


@njit(cache=True, nogil=True)
def build_slots(codes: NDArray[np.uint32]) -> Slots:
    """A table of distinct codes, each found by its place among them."""
    bits = 4
    while (1 << bits) < 2 * len(codes):
        bits += 1
    slots = np.zeros(1 << bits, np.uint64)
    mask = np.int64(len(slots) - 1)
    for place in range(len(codes)):
        slot = _first_slot(codes[place], bits)
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = (np.uint64(codes[place]) << np.uint64(32)) | np.uint64(place + 1)
    return slots


@njit(cache=True, nogil=True)
def find_places(codes: NDArray[np.uint32], slots: Slots, unknown: int) -> NDArray[np.int32]:
    """Place of each code among those of the table; ``unknown`` for all others."""
    bits = 0
    while (1 << bits) < len(slots):
        bits += 1
    mask = np.int64(len(slots) - 1)
    places = np.empty(len(codes), np.int32)
    for row in range(len(codes)):
        code = np.uint64(codes[row])
        slot = _first_slot(codes[row], bits)
        while slots[slot] and slots[slot] >> np.uint64(32) != code:
            slot = (slot + 1) & mask
        found = slots[slot] & np.uint64(0xFFFFFFFF)
        places[row] = np.int64(found) - 1 if found else unknown
    return places


@njit(cache=True, nogil=True)
def _first_slot(code, bits):  # type: ignore[no-untyped-def]
    mixed = (np.uint64(code) * np.uint64(_MULTIPLIER)) & np.uint64(0xFFFFFFFF)
    return np.int64(mixed >> np.uint64(32 - bits))
