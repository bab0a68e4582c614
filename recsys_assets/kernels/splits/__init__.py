"""Splits of ratings into parts: rows come in, the part of each row goes out.

- random: by a hash of user, item and seed; a pair keeps its part whatever else arrives;
- stratified-user, stratified-item: the same shares of every user's or item's rows, drawn by that
  hash, or by the published recipe that draws along the rows;
- chronological: of every user's rows the earliest to train on, the latest to test by;
- global-time: one moment for all, with a gap after it that belongs to no part;
- k-fold by the hash, and rolling windows of days for backtests;
- cold-users, cold-items: whole users or whole items, of whom training knows nothing.

Everything but the published recipe depends on the rows alone, not on their order or on how they are
cut into partitions. Parts are numbered in the order of their shares; rows in a gap have `GAP`.
Spark draws the same parts with `steps.features.splits`.
"""

from recsys_assets.kernels.splits.cold import (
    COLD_METHODS,
    ColdMethod,
    without_items,
    without_newest_users,
)
from recsys_assets.kernels.splits.hashes import BUCKETS, folds, pair_hashes
from recsys_assets.kernels.splits.methods import METHODS, Method, parts_of, train_and_test
from recsys_assets.kernels.splits.parts import (
    GAP,
    Parts,
    SplitError,
    bounds_of,
    parts_within,
    published_stratified_parts,
)
from recsys_assets.kernels.splits.times import (
    DAY,
    Window,
    cut_places,
    cut_times,
    parts_by_time,
    rolling_windows,
)

__all__ = [
    "BUCKETS",
    "COLD_METHODS",
    "DAY",
    "GAP",
    "METHODS",
    "ColdMethod",
    "Method",
    "Parts",
    "SplitError",
    "Window",
    "bounds_of",
    "cut_places",
    "cut_times",
    "folds",
    "pair_hashes",
    "parts_by_time",
    "parts_of",
    "parts_within",
    "published_stratified_parts",
    "rolling_windows",
    "train_and_test",
    "without_items",
    "without_newest_users",
]
