"""Categories of clicks become numbers: how often a value was seen, how often it was clicked.

    statistics of training rows -> Encoder
    raw rows + Encoder -> encode -> features, all of them numbers

A training row is encoded without its own fold, so that its label never tells on itself; any other
row is encoded from all training rows. A value that training never saw, or saw too rarely, is
encoded from what is known of the rare values together.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.categories import add_up, code_of, count_categories, typed
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.metrics.checks import require_columns

__all__ = [
    "CodeTable",
    "Encoder",
    "LookupTable",
    "count_categories",
    "encode",
    "encode_codes",
    "feature_names",
]

_UNKNOWN = 2**32
"""Stands after every code there is."""


def feature_names() -> list[str]:
    """Features in the order in which a model sees them: numbers, then two per category."""
    return [*NUMBERS, *(f"{c}_{kind}" for c in CATEGORIES for kind in ("count", "mean"))]


@dataclass(frozen=True)
class Encoder:
    """What training rows tell of each value, ready to encode with."""

    statistics: pl.DataFrame
    """Columns of ``STATISTICS_SCHEMA``, each key once; with rows of the column ``label``."""
    smoothing: float
    """Rows at the overall click rate that are added to those of each value; more than 0."""

    @cached_property
    def folds(self) -> int:
        """Folds of the training rows; 1 where they are not told apart."""
        return int(self._rows_of(LABEL)["fold"].max()) + 1  # type: ignore[arg-type]

    @cached_property
    def prior(self) -> NDArray[np.float64]:
        """Click rate of the rows outside each fold, then that of all rows."""
        clicks, rows = self._outside_folds(self._rows_of(LABEL), np.array([], np.uint32))
        return np.divide(clicks[0], rows[0], out=np.zeros(self.folds + 1), where=rows[0] > 0)

    @cached_property
    def tables(self) -> dict[str, "LookupTable"]:
        """Lookup table of each category."""
        return {name: self._table(self._rows_of(name)) for name in CATEGORIES}

    def without_folds(self) -> "Encoder":
        """The same for rows that training has not seen: a fraction of the size."""
        one = self.statistics.lazy().with_columns(fold=pl.lit(0))
        return Encoder(typed(add_up(one).sort("column", "value").collect()), self.smoothing)

    @cached_property
    def code_table(self) -> "CodeTable":
        """The lookup tables of all categories in one."""
        tables = [self.tables[name] for name in CATEGORIES]
        codes = [np.append(table.codes.astype(np.uint64), np.uint64(_UNKNOWN)) for table in tables]
        keys = [(np.uint64(number) << np.uint64(33)) + c for number, c in enumerate(codes)]
        return CodeTable(
            np.concatenate(keys),
            np.concatenate([table.counts for table in tables]),
            np.concatenate([table.means for table in tables]),
            self.prior.astype(np.float32),
            np.cumsum([len(c) for c in codes]) - 1,
        )

    def _rows_of(self, column: str) -> pl.DataFrame:
        return self.statistics.filter(column=column)

    def _table(self, statistics: pl.DataFrame) -> "LookupTable":
        """Means are ``(clicks + smoothing * prior) / (rows + smoothing)``.

        After Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes in
        Classification and Prediction Problems" (2001).
        """
        codes = statistics["value"].drop_nulls().unique().sort().cast(pl.UInt32).to_numpy()
        clicks, rows = self._outside_folds(statistics, codes)
        means = (clicks + self.smoothing * self.prior) / (rows + self.smoothing)
        # Rare values count as never seen, so that they look alike in training and after it.
        counts = np.append(rows[:-1, -1], 0.0)
        return LookupTable(codes, np.log1p(counts).astype(np.float32), means.astype(np.float32))

    def _outside_folds(
        self, statistics: pl.DataFrame, codes: NDArray[np.uint32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Clicks and rows of each value (rare ones last): outside each fold, then in all."""
        value = statistics["value"].cast(pl.UInt32)
        place = np.searchsorted(codes, value.fill_null(0).to_numpy())
        place[value.is_null().to_numpy()] = len(codes)
        fold = statistics["fold"].to_numpy().astype(np.int64)
        outside = []
        for name in ("clicks", "count"):
            inside = np.zeros((len(codes) + 1, self.folds))
            inside[place, fold] = statistics[name].to_numpy()
            total = inside.sum(axis=1, keepdims=True)
            outside.append(np.hstack([total - inside, total]))
        return outside[0], outside[1]


@dataclass(frozen=True)
class LookupTable:
    """Features of each value of one category; its last row is for unknown values."""

    codes: NDArray[np.uint32]
    """Known values, ascending."""
    counts: NDArray[np.float32]
    """Logarithm of 1 + training rows, by value."""
    means: NDArray[np.float32]
    """Smoothed click rate, by value and by the fold left out; the last column leaves out none."""

    def places(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each code; the last for unknown ones."""
        # Hashing the table pays for many rows, searching it for few; both find the same.
        many = len(codes) > len(self.codes)
        return self._joined(codes) if many else self._searched(codes)

    def _joined(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        rows = pl.DataFrame({"code": self.codes}).with_row_index("place")
        wanted = pl.DataFrame({"code": codes})
        place = wanted.join(rows, on="code", how="left", maintain_order="left")["place"]
        return place.cast(pl.Int64).fill_null(len(self.codes)).to_numpy()

    def _searched(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        place = np.searchsorted(self.codes, codes)
        known = self.codes[np.minimum(place, len(self.codes) - 1)] == codes
        return np.where(known, place, len(self.codes))


@dataclass(frozen=True)
class CodeTable:
    """The lookup tables of all categories as three flat arrays, which can lie in a mapped file.

    Rows of one category follow those of the one before; the last row of each is for unknown values.
    """

    keys: NDArray[np.uint64]
    """Number of the category × 2^33 + the value's code, ascending; 2^32 stands for the code of
    unknown values, so that they come last."""
    counts: NDArray[np.float32]
    """Logarithm of 1 + training rows, by row."""
    means: NDArray[np.float32]
    """Smoothed click rate, by row and by the fold left out; the last column leaves out none."""
    prior: NDArray[np.float32]
    """Overall click rate by the fold left out; the last leaves out none."""
    ends: NDArray[np.int64]
    """Row of the unknown values of each category."""

    def places(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each code, rows × categories; that of unknown values for unknown ones."""
        wanted = (np.arange(codes.shape[1], dtype=np.uint64) << np.uint64(33)) + codes
        flat = wanted.ravel(order="F")
        # Ascending needles keep the searched part of the table in the processor's cache.
        order = np.argsort(flat)
        place = np.empty(len(flat), np.int64)
        place[order] = np.searchsorted(self.keys, flat[order])
        places = place.reshape(codes.shape, order="F")
        return np.where(self.keys[places] == wanted, places, self.ends)


def encode(frame: pl.DataFrame, encoder: Encoder, fold_column: str | None = None) -> pl.DataFrame:
    """Features of rows, each from the row alone: one row gives what a million give.

    Args:
        frame: all numbers and categories.
        encoder: what training rows tell of each value.
        fold_column: column of the rows' own folds where they are the encoder's training rows.

    Returns:
        Columns of `feature_names`, Float32. Numbers pass as they are. A missing category has no
        count and the prior as its mean.

    Raises:
        ValueError: a column is missing, or a fold the encoder does not know.
    """
    require_columns(frame, "rows to encode", [*NUMBERS, *CATEGORIES])
    left_out = _left_out(frame, encoder, fold_column)
    codes = frame.select(code_of(name) for name in CATEGORIES)
    readable = codes.select(pl.all().is_not_null())
    missing = frame.select(pl.col(CATEGORIES).is_null())
    codes = codes.select(pl.all().fill_null(0))
    features = {name: frame[name] for name in NUMBERS}
    prior = encoder.prior.astype(np.float32)
    for name in CATEGORIES:
        table = encoder.tables[name]
        places = table.places(codes[name].to_numpy())
        places = np.where(readable[name].to_numpy(), places, len(table.codes))
        absent = missing[name].to_numpy()
        count, mean = looked_up(places, absent, table.counts, table.means, prior, left_out)
        features[f"{name}_count"] = pl.Series(count)
        features[f"{name}_mean"] = pl.Series(mean)
    return pl.DataFrame(features).select(pl.all().cast(pl.Float32).fill_nan(None))


def encode_codes(
    numbers: NDArray[np.float32],
    codes: NDArray[np.uint32],
    absent: NDArray[np.bool_],
    table: CodeTable,
) -> NDArray[np.float32]:
    """What `encode` answers for rows outside training, as a matrix; made for few rows at a time.

    Args:
        numbers: rows × 13, NaN where missing.
        codes: rows × 26, the eight hexadecimal digits as a number.
        absent: rows × 26, whether the category is missing.
        table: the encoder's own, from `Encoder.code_table`.

    Returns:
        Rows × features in the order of `feature_names`, NaN where missing.
    """
    rows = len(numbers)
    count, mean = looked_up(
        table.places(codes), absent, table.counts, table.means, table.prior, len(table.prior) - 1
    )
    features = np.empty((rows, len(NUMBERS) + 2 * len(CATEGORIES)), np.float32)
    features[:, : len(NUMBERS)] = numbers
    features[:, len(NUMBERS) :: 2] = count
    features[:, len(NUMBERS) + 1 :: 2] = mean
    return features


def looked_up(
    places: NDArray[np.int64],
    absent: NDArray[np.bool_],
    counts: NDArray[np.float32],
    means: NDArray[np.float32],
    prior: NDArray[np.float32],
    left_out: NDArray[np.int64] | int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Count and mean of values by their row in a table: the one place where both are made."""
    count = np.where(absent, np.float32(np.nan), counts[places])
    return count, np.where(absent, prior[left_out], means[places, left_out])


def _left_out(frame: pl.DataFrame, encoder: Encoder, fold_column: str | None) -> NDArray[np.int64]:
    """Column of the lookup tables for each row."""
    if fold_column is None:
        return np.full(frame.height, encoder.folds)
    require_columns(frame, "training rows", [fold_column])
    fold = frame[fold_column].cast(pl.Int64)
    if encoder.folds < 2 or fold.null_count() or not fold.is_between(0, encoder.folds - 1).all():
        raise ValueError(
            f"column {fold_column!r} must hold folds 0 to {encoder.folds - 1} of an encoder with "
            "at least 2; count the categories of the same rows with the same folds first"
        )
    return fold.to_numpy()
