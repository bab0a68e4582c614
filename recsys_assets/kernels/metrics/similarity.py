"""Item similarity: training interactions or item features come in, cosines of item pairs go out.

Both measures are the cosine of one vector per item. Counted by co-occurrence, an item's vector has
one entry per user, 1 for those who met it; the cosine of items i and j is then ``n_ij / sqrt(n_i *
n_j)``, with n the numbers of users who met both or one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from recsys_assets.kernels.metrics import checks

_BLOCK_VALUES: Final = 2**24
"""Similarities held at once while pairs are looked up: 128 MB of float64."""


@dataclass(frozen=True)
class ItemSimilarity:
    """Cosine similarity between items, computed when asked for, never as a whole matrix."""

    items: pl.Series
    """Item ids in ascending order; an item's place here is its position."""
    vectors: sparse.csr_array | NDArray[np.float64]
    """One row per item, by position, of length 1 (or all zeros)."""

    @classmethod
    def from_cooccurrence(cls, train: pl.DataFrame) -> "ItemSimilarity":
        """Call items similar that the same users met.

        Args:
            train: user, item, each pair once.

        Raises:
            ValueError: a missing column, null keys, a repeated pair, or no rows.
        """
        checks.check_keys(train, "train", ["user", "item"])
        _require_rows(train, "train")
        items, rows = _codes(train["item"])
        users, columns = _codes(train["user"])
        values = 1.0 / np.sqrt(np.bincount(rows))[rows]
        shape = (len(items), len(users))
        return cls(items, sparse.csr_array((values, (rows, columns)), shape=shape))

    @classmethod
    def from_vectors(cls, features: pl.DataFrame) -> "ItemSimilarity":
        """Call items similar whose feature vectors point the same way.

        Args:
            features: item, vector (a list or array of numbers, of one length for all items). A
                vector of zeros has similarity 0 to every item. With negative numbers,
                similarities may be negative too.

        Raises:
            ValueError: a missing column, a null, a repeated item, vectors of several lengths, a
                number that is not finite, or no rows.
        """
        checks.check_keys(features, "features", ["item"])
        _require_rows(features, "features")
        ordered = features.sort("item")
        vectors = _matrix(ordered)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return cls(ordered["item"], unit)

    def positions(self, items: pl.Series, name: str) -> NDArray[np.intp]:
        """Return the position of each of `items`, which the frame called `name` holds.

        Raises:
            ValueError: an item this similarity does not know, or keys of another type.
        """
        checks.check_same_dtype(items.alias("item"), self.items.alias("item"), f"{name} and items")
        wanted = pl.DataFrame({"item": items})
        known = pl.DataFrame({"item": self.items}).with_row_index("position")
        found = wanted.join(known, on="item", how="left", maintain_order="left")
        unknown = found.filter(pl.col("position").is_null())["item"].unique().sort()
        if len(unknown):
            raise ValueError(
                f"{name} holds {len(unknown)} items without a known similarity, such as"
                f" {unknown[0]!r}; add them to the data behind the similarity or drop their rows"
            )
        return found["position"].to_numpy().astype(np.intp)

    def of_pairs(self, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the cosines, in [-1, 1], of pairs of items given by position."""
        result = np.empty(left.size)
        distinct, row = np.unique(left, return_inverse=True)
        order = np.argsort(row, kind="stable")
        height = max(1, _BLOCK_VALUES // len(self.items))
        for start in range(0, distinct.size, height):
            low, high = np.searchsorted(row, [start, start + height], sorter=order)
            pairs = order[low:high]
            block = self._similarities(distinct[start : start + height])
            result[pairs] = block[row[pairs] - start, right[pairs]]
        # Rounding can carry the cosine of parallel vectors past 1.
        return np.clip(result, -1.0, 1.0)

    def _similarities(self, positions: NDArray[np.intp]) -> NDArray[np.float64]:
        if isinstance(self.vectors, np.ndarray):
            return self.vectors[positions] @ self.vectors.T
        return (self.vectors[positions] @ self.vectors.T).toarray()


def _codes(keys: pl.Series) -> tuple[pl.Series, NDArray[np.intp]]:
    return keys.unique().sort(), (keys.rank("dense") - 1).to_numpy().astype(np.intp)


def _matrix(features: pl.DataFrame) -> NDArray[np.float64]:
    checks.require_columns(features, "features", ["vector"])
    checks.reject_nulls(features, "features", ["vector"])
    dtype = features["vector"].dtype
    if not (isinstance(dtype, pl.List | pl.Array) and dtype.inner.is_numeric()):
        raise ValueError(f"features column 'vector' must hold lists of numbers, not {dtype}")
    rows = features["vector"].to_list()
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or 0 in lengths:
        raise ValueError(f"features must hold vectors of one length above 0, not {sorted(lengths)}")
    matrix = np.array(rows, dtype=np.float64)
    bad = matrix.size - int(np.isfinite(matrix).sum())
    if bad:
        raise ValueError(f"features has {bad} null, NaN or infinite values in column 'vector'")
    return matrix


def _require_rows(frame: pl.DataFrame, name: str) -> None:
    if frame.is_empty():
        raise ValueError(f"{name} has no rows, so no item has a similarity; check its source")
