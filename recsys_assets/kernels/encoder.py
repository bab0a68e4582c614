"""What training rows tell of each value of a column: counts, click rates, effects.

    statistics of training rows, effects -> Encoder -> lookup tables, levels, margins

A value that training never saw, or saw too rarely, is looked up as what is known of the rare values
together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.categories import STATISTICS_SCHEMA, outside_folds
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.levels import (
    MISSING,
    NUMBER_LEVELS,
    RARE,
    code_of,
    is_cross,
    number_levels,
    with_crosses,
)
from recsys_assets.kernels.lookup import LookupTable

if TYPE_CHECKING:  # Fitting is compiled; encoding, which the service does too, needs no compiler.
    from recsys_assets.kernels.effects import Effects

ALL_FOLDS = -1
"""Fold of the effects that leave no row out."""
EFFECTS_SCHEMA: dict[str, pl.DataType] = {
    "column": pl.String(),
    "value": pl.Int64(),
    "fold": pl.Int8(),
    "effect": pl.Float32(),
}
"""Effect of each value in the fit that leaves out a fold. Rows of the column ``label`` hold the
intercepts; a value is a code, the level of a number, `MISSING` or `RARE`."""


@dataclass(frozen=True)
class Encoder:
    """What training rows tell of each value, ready to encode with."""

    statistics: pl.DataFrame
    """Columns of ``STATISTICS_SCHEMA``, each key once; with rows of the column ``label``."""
    smoothing: float
    """Rows at the overall click rate that are added to those of each value; more than 0."""
    effects: pl.DataFrame | None = None
    """Columns of ``EFFECTS_SCHEMA``; without them the margin is missing."""
    earlier: bool = False
    """Whether folds are periods, each encoded from those before it."""

    @cached_property
    def folds(self) -> int:
        """Folds of the training rows; 1 where they are not told apart."""
        return int(self._rows_of(LABEL)["fold"].max()) + 1  # type: ignore[arg-type]

    @cached_property
    def prior(self) -> NDArray[np.float64]:
        """Click rate of the rows outside each fold, then that of all rows."""
        clicks, rows = self._outside(self._rows_of(LABEL), np.array([], np.uint32))
        return np.divide(clicks[0], rows[0], out=np.zeros(self.folds + 1), where=rows[0] > 0)

    @cached_property
    def tables(self) -> dict[str, LookupTable]:
        """Lookup table of each category and of each pair."""
        by_column = self.statistics.partition_by("column", as_dict=True)
        none = self.statistics.clear()
        names = (*CATEGORIES, *self.crosses)
        return {name: self._table(by_column.get((name,), none)) for name in names}

    @cached_property
    def crosses(self) -> tuple[str, ...]:
        """Pairs of columns that were counted."""
        names = self.statistics["column"].unique(maintain_order=True)
        return tuple(sorted(name for name in names if is_cross(name)))

    @property
    def level_columns(self) -> list[str]:
        """Columns that have levels, in the order of `levels`."""
        return [*NUMBERS, *CATEGORIES, *self.crosses]

    @property
    def level_sizes(self) -> list[int]:
        """Levels of each column; a category has two more than values: unknown and missing."""
        categories = [len(table.codes) + 2 for table in self.tables.values()]
        return [NUMBER_LEVELS] * len(NUMBERS) + categories

    def levels(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        """Level of each row in each column: columns x rows."""
        frame = with_crosses(frame, self.crosses)
        numbers = [number_levels(frame[name]) for name in NUMBERS]
        # All columns in one query: a query for each takes longer than its work.
        codes = frame.select(
            (pl.col(name) if is_cross(name) else code_of(name)).alias(name) for name in self.tables
        )
        others = (_levels(frame[name], codes[name], t) for name, t in self.tables.items())
        return np.stack([*numbers, *others])

    def table_of_effects(self, fits: "dict[int, Effects]") -> pl.DataFrame:
        """Fitted effects as a table of ``EFFECTS_SCHEMA``, sorted.

        Args:
            fits: fold that was left out, or `ALL_FOLDS` → effects.
        """
        parts = []
        for fold, fit in sorted(fits.items()):
            intercept = (LABEL, np.zeros(1, np.int64), np.array([fit.intercept], np.float32))
            columns = zip(self.level_columns, fit.columns, strict=True)
            for name, values, effect in [
                intercept,
                *((name, self._values_of(name), effect) for name, effect in columns),
            ]:
                part = pl.DataFrame({"value": values, "effect": effect})
                parts.append(part.with_columns(column=pl.lit(name), fold=pl.lit(fold)))
        table = pl.concat(parts)
        return table.select(pl.col(n).cast(dtype) for n, dtype in EFFECTS_SCHEMA.items())

    @cached_property
    def effect_tables(self) -> list[NDArray[np.float32]]:
        """Effects of each column: levels x fold left out, the last column leaving out none."""
        if self.effects is None:
            return []
        by_column = self.effects.partition_by("column", as_dict=True)
        tables = []
        for name in [LABEL, *self.level_columns]:
            values = np.zeros(1, np.int64) if name == LABEL else self._values_of(name)
            found = by_column[(name,)]
            order = np.argsort(values)
            place = order[np.searchsorted(values, found["value"].to_numpy(), sorter=order)]
            table = np.zeros((len(values), self.folds + 1), np.float32)
            fold = found["fold"].to_numpy().astype(np.int64)
            table[place, np.where(fold == ALL_FOLDS, self.folds, fold)] = found["effect"].to_numpy()
            tables.append(table)
        return tables

    def contributions(
        self, levels: NDArray[np.int32], left_out: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.float32]]:
        """What the intercept and each of ``level_columns`` add to the log odds of rows.

        Args:
            levels: of the rows, see `levels`.
            left_out: column of the effect tables for each row; the last one if None.
        """
        chosen = np.full(levels.shape[1], self.folds) if left_out is None else left_out
        intercept, *tables = self.effect_tables
        effects = [
            table.take(level * np.int64(table.shape[1]) + chosen)
            for table, level in zip(tables, levels, strict=True)
        ]
        return [intercept[0, chosen], *effects]

    def strengths(self, frame: pl.DataFrame, top: int = 20) -> list[dict[str, str | float]]:
        """How much each column and pair moves the margin of these rows, the strongest first."""
        parts = zip(self.level_columns, self.contributions(self.levels(frame))[1:], strict=True)
        moved = sorted(((float(part.std()), name) for name, part in parts), reverse=True)
        return [{"column": name, "deviation of the log odds": size} for size, name in moved[:top]]

    def _values_of(self, name: str) -> NDArray[np.int64]:
        """The value of each level of a column."""
        if name in NUMBERS:
            return np.arange(NUMBER_LEVELS)
        return np.append(self.tables[name].codes.astype(np.int64), [RARE, MISSING])

    def without_folds(self) -> "Encoder":
        """The same for rows that training has not seen: a fraction of the size."""
        groups = self.statistics.group_by("column", "value")
        sums = groups.agg(pl.lit(0, pl.Int8).alias(FOLD), pl.col("count", "clicks").sum())
        statistics = sums.sort("column", "value").select(*STATISTICS_SCHEMA)
        effects = None if self.effects is None else self.effects.filter(fold=ALL_FOLDS)
        return Encoder(statistics, self.smoothing, effects)

    def _outside(
        self, statistics: pl.DataFrame, codes: NDArray[np.uint32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return outside_folds(statistics, codes, self.folds, earlier=self.earlier)

    def _rows_of(self, column: str) -> pl.DataFrame:
        return self.statistics.filter(column=column)

    def _table(self, statistics: pl.DataFrame) -> LookupTable:
        """Means are ``(clicks + smoothing * prior) / (rows + smoothing)``.

        After Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes in
        Classification and Prediction Problems" (2001).
        """
        codes = statistics["value"].drop_nulls().unique().sort().cast(pl.UInt32).to_numpy()
        clicks, rows = self._outside(statistics, codes)
        means = (clicks + self.smoothing * self.prior) / (rows + self.smoothing)
        # Rare values count as never seen, so that they look alike in training and after it.
        counts = np.append(rows[:-1, -1], 0.0)
        return LookupTable(codes, np.log1p(counts).astype(np.float32), means.astype(np.float32))


def _levels(values: pl.Series, codes: pl.Series, table: LookupTable) -> NDArray[np.int32]:
    """Row of the lookup table for each value of a column; past its end where one is missing."""
    if not codes.null_count():
        return table.places(codes.to_numpy())
    level = table.places(codes.fill_null(0).to_numpy())
    unknown = len(table.codes)
    # What is written but is no code is unknown, not missing.
    level[codes.is_null().to_numpy()] = unknown
    level[values.is_null().to_numpy()] = unknown + 1
    return level
