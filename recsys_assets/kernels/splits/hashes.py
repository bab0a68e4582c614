"""Parts and folds by a hash of user, item and seed: a pair keeps its part whatever else arrives."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.splits.parts import Parts, SplitError, bounds_of

Hashes = NDArray[np.int64]

BUCKETS: Final = 1_000_000
"""Steps in which the hash is turned into a share."""
_XXH64_SEED: Final = 42
"""What Spark starts its `xxhash64` with."""


def pair_hashes(users: NDArray[np.integer], items: NDArray[np.integer], seed: int) -> Hashes:
    """Hash of user, item and seed: Spark's ``xxhash64(user, item, seed)`` of 32-bit integers.

    Collet's XXH64 (https://github.com/Cyan4973/xxHash) of four bytes, each hash the seed of the
    next, so that a worker with NumPy and a Spark query agree on the part of every pair.
    """
    if not -(2**31) <= seed < 2**31:
        raise SplitError(f"the seed must fit 32 bits, and {seed} does not")
    hashes = np.full(len(users), _XXH64_SEED, np.uint64)
    for values in (users, items, np.full(len(users), seed)):
        hashes = _xxh64_of_int(values.astype(np.int32).view(np.uint32).astype(np.uint64), hashes)
    return hashes.view(np.int64)


_PRIMES: Final = tuple(
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)


def _xxh64_of_int(values: NDArray[np.uint64], seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    first, second, third, _, fifth = _PRIMES
    mixed = (seeds + fifth + np.uint64(4)) ^ (values * first)
    mixed = ((mixed << np.uint64(23)) | (mixed >> np.uint64(41))) * second + third
    mixed = (mixed ^ (mixed >> np.uint64(33))) * second
    mixed = (mixed ^ (mixed >> np.uint64(29))) * third
    return mixed ^ (mixed >> np.uint64(32))


def parts_by_bucket(hashes: Hashes, shares: Sequence[float]) -> Parts:
    """Part of each row by its hash alone: a share of all hashes to each part."""
    draws = np.mod(hashes, BUCKETS) / BUCKETS
    return np.searchsorted(bounds_of(shares), draws, side="right").astype(np.int8)


def folds(users: NDArray[np.integer], items: NDArray[np.integer], k: int, seed: int) -> Parts:
    """Fold of each row, 0 to k - 1, for k-fold cross-validation; by the hash of the pair.

    Raises:
        SplitError: `k` below 2, or a fold that no row falls into.
    """
    if not 2 <= k <= 100:
        raise SplitError(f"k-fold needs 2 to 100 folds, not {k}")
    bucket = np.mod(pair_hashes(users, items, seed), BUCKETS)
    fold = (bucket * k // BUCKETS).astype(np.int8)
    empty = np.flatnonzero(np.bincount(fold, minlength=k) == 0)
    if len(empty):
        raise SplitError(
            f"fold {empty[0]} of {k} has none of the {len(users)} rows: choose fewer folds"
        )
    return fold
