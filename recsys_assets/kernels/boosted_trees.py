"""Boosted trees that score many rows in a tenth of LightGBM's time and less.

    LightGBM's own text of trees -> BoostedTrees -> scores of rows, whole or after each tree

LightGBM takes each row down each tree, and the processor guesses many of its turns wrong; the
kernels of `tree_scores` make each comparison for a block of rows. The sums are LightGBM's own to
the bit. The service, whose image has no compiler, asks LightGBM: they are imported where needed.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.native_lightgbm import lgb

_END = "\nend of trees"
_BY_CATEGORIES, _MISSING_GOES_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of LightGBM's ``decision_type``."""


class _Layout(NamedTuple):
    """Comparisons of all trees, tree after tree, and what their leaves add."""

    columns: NDArray[np.int64]
    thresholds: NDArray[np.float32]
    """The greatest value of single precision that goes left."""
    masks: NDArray[np.uint64]
    """Leaves that remain for a row that goes right."""
    nan_left: NDArray[np.bool_]
    """Whether a missing value goes left."""
    starts: NDArray[np.int64]
    """First comparison of each tree, and the end of all."""
    values: NDArray[np.float64]
    """Trees x 64: what a leaf adds, at the place that its bit is sent to."""


@dataclass(frozen=True)
class BoostedTrees:
    """Trees that LightGBM grew; they answer in what they were grown for, log odds mostly.

    Raises:
        ValueError: the text is not LightGBM's, or not all of it.
    """

    text: str
    """LightGBM's own."""

    def __post_init__(self) -> None:
        """Notice damage before anybody waits for an answer."""
        if not self.text.startswith("tree\n") or _END not in self.text:
            raise ValueError("this is not the whole text of trees that LightGBM grew")

    @cached_property
    def _fields(self) -> dict[str, list[str]]:
        return _fields_of(self.text)

    @cached_property
    def booster(self) -> lgb.Booster:
        """LightGBM's own object, for all but scoring."""
        return lgb.Booster(model_str=self.text)

    @cached_property
    def names(self) -> list[str]:
        """The features, in the order of a row's columns."""
        return self._fields["feature_names"][0].split()

    @cached_property
    def _layout(self) -> _Layout | None:
        return _lay_out(self._fields)

    def __len__(self) -> int:
        """Return the number of trees."""
        return len(self._fields["Tree"])

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum of all trees for each row of features, NaN where missing.

        Raises:
            ValueError: rows have another number of features than the trees know.
        """
        self._check(rows)
        if self._layout is None:
            return np.asarray(self.booster.predict(rows, raw_score=True, num_threads=1))
        return self._add(rows, np.empty((0, 0)))

    def running_scores(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Trees x rows: the sum of the trees up to each.

        Raises:
            ValueError: rows have another number of features than the trees know.
        """
        self._check(rows)
        running = np.empty((len(self), len(rows)))
        if self._layout is not None:
            self._add(rows, running)
            return running
        for tree in range(len(self)):
            running[tree] = self.booster.predict(
                rows, raw_score=True, start_iteration=tree, num_iteration=1, num_threads=1
            )
        return running.cumsum(axis=0)

    def _add(self, rows: NDArray[np.float32], running: NDArray[np.float64]) -> NDArray[np.float64]:
        from recsys_assets.kernels.tree_scores import add_trees

        answer = np.zeros(len(rows))
        add_trees(np.ascontiguousarray(rows), self._layout, answer, running)
        return answer

    def _check(self, rows: NDArray[np.float32]) -> None:
        # The layout's thresholds suit single precision only.
        if rows.dtype != np.float32 or rows.shape[1] != len(self.names):
            raise ValueError(
                f"rows of {rows.shape[1]} features in {rows.dtype} do not fit trees on "
                f"{len(self.names)} features in float32"
            )


def _fields_of(text: str) -> dict[str, list[str]]:
    """What the model, then each tree, says of itself, by name."""
    found = defaultdict(list)
    for line in text.partition(_END)[0].splitlines():
        name, _, value = line.partition("=")
        found[name].append(value)
    return found


def _lay_out(fields: Mapping[str, list[str]]) -> _Layout | None:
    """None where a tree has more leaves than a word has bits, or another kind of decision."""
    from recsys_assets.kernels.tree_scores import MOST_LEAVES, leaf_bits

    def numbers(name: str, kind: type) -> NDArray[Any]:
        return np.fromstring(" ".join(fields[name]), kind, sep=" ")

    leaves, kinds = numbers("num_leaves", np.int64), numbers("decision_type", np.int64)
    odd = kinds & (_BY_CATEGORIES | _ZERO_IS_MISSING)
    if leaves.max(initial=1) > MOST_LEAVES or odd.any() or numbers("is_linear", np.int64).any():
        return None
    starts = np.concatenate([[0], np.cumsum(leaves - 1)])
    exact = numbers("threshold", np.float64)
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    thresholds = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
    columns, values = numbers("split_feature", np.int64), numbers("leaf_value", np.float64)
    children = (numbers("left_child", np.int64), numbers("right_child", np.int64))
    # The kernels look at no bounds.
    if {len(each) for each in (kinds, exact, columns, *children)} != {starts[-1]} or (
        len(values) != leaves.sum()
        or columns.max(initial=0) >= len(fields["feature_names"][0].split())
    ):
        raise ValueError("trees and their numbers do not fit each other: the text is damaged")
    masks, places = leaf_bits(*children, values, starts)
    # What is missing, and never was in training, counts as 0.
    nan_left = np.where(kinds & _NAN_IS_MISSING, kinds & _MISSING_GOES_LEFT, exact >= 0) > 0
    return _Layout(columns, thresholds, masks, nan_left, starts, places)
