"""An encoder for few rows at a time: flat arrays instead of frames, the same features.

Encoder -> code_table_of -> CodeTable
numbers and codes of rows + CodeTable -> encode_codes -> features
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.encode import Encoder
from recsys_assets.kernels.levels import levels_of, mix
from recsys_assets.kernels.lookup import add_effects, looked_up

_UNKNOWN = 2**32
"""Stands after every code there is."""


@dataclass(frozen=True)
class CodeTable:
    """All tables of an encoder as flat arrays, which can lie in a mapped file.

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
    effects: NDArray[np.float32]
    """Effect of each value, by row."""
    missing_effects: NDArray[np.float32]
    """Effect of a missing value, by category."""
    number_effects: NDArray[np.float32]
    """Effect of each level, numbers × levels."""
    intercept: NDArray[np.float32]
    """Log odds of the additive model without any effect; NaN where there is no such model."""
    pairs: NDArray[np.int64]
    """Pairs × 2: which columns make each pair; numbers first, then categories."""
    pair_keys: NDArray[np.uint64]
    """As ``keys``, of the pairs."""
    pair_effects: NDArray[np.float32]
    """As ``effects``, of the pairs."""
    pair_ends: NDArray[np.int64]
    """As ``ends``, of the pairs."""

    def places(self, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Row of each code, rows × categories; that of unknown values for unknown ones."""
        return _places(self.keys, self.ends, codes)

    def margin(
        self,
        numbers: NDArray[np.float32],
        codes: NDArray[np.uint32],
        absent: NDArray[np.bool_],
        places: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Log odds of the additive model, the sum of `Encoder.contributions`."""
        levels = levels_of(numbers)
        of_numbers = (
            effect[level] for effect, level in zip(self.number_effects, levels.T, strict=True)
        )
        found = np.where(absent, self.missing_effects, self.effects[places])
        parts = [np.full(len(numbers), self.intercept[0]), *of_numbers, *found.T]
        if len(self.pairs):
            keys = np.hstack([levels.astype(np.uint32), np.where(absent, np.uint32(0), codes)])
            mixed = mix(keys[:, self.pairs[:, 0]], keys[:, self.pairs[:, 1]])
            parts += [*self.pair_effects[_places(self.pair_keys, self.pair_ends, mixed)].T]
        return add_effects(parts)


def _places(
    keys: NDArray[np.uint64], ends: NDArray[np.int64], codes: NDArray[np.uint32]
) -> NDArray[np.int64]:
    wanted = (np.arange(codes.shape[1], dtype=np.uint64) << np.uint64(33)) + codes
    flat = wanted.ravel(order="F")
    # Ascending needles keep the searched part of the table in the processor's cache.
    order = np.argsort(flat)
    place = np.empty(len(flat), np.int64)
    place[order] = np.searchsorted(keys, flat[order])
    places = place.reshape(codes.shape, order="F")
    return np.where(keys[places] == wanted, places, ends)


def code_table_of(encoder: Encoder) -> CodeTable:
    """The tables of an encoder for rows outside training."""
    categories, pairs = [list(CATEGORIES), list(encoder.crosses)]
    known = {name: encoder.tables[name] for name in [*categories, *pairs]}
    effects = _effects_of(encoder)
    keys, ends = _keys(known[name].codes for name in categories)
    pair_keys, pair_ends = _keys(known[name].codes for name in pairs)
    columns = [*NUMBERS, *CATEGORIES]
    return CodeTable(
        keys=keys,
        counts=np.concatenate([known[name].counts for name in categories]),
        means=np.concatenate([known[name].means for name in categories]),
        prior=encoder.prior.astype(np.float32),
        ends=ends,
        effects=np.concatenate([effects[name][:-1] for name in categories]),
        missing_effects=np.array([effects[name][-1] for name in categories], np.float32),
        number_effects=np.stack([effects[name] for name in NUMBERS]),
        intercept=effects[LABEL],
        pairs=np.array(
            [[columns.index(name) for name in pair.split("*")] for pair in pairs], np.int64
        ).reshape(-1, 2),
        pair_keys=pair_keys,
        pair_effects=np.concatenate(
            [np.zeros(0, np.float32), *(effects[name][:-1] for name in pairs)]
        ),
        pair_ends=pair_ends,
    )


def _effects_of(encoder: Encoder) -> dict[str, NDArray[np.float32]]:
    """Effects that leave no row out, by column; without any, an intercept that is missing."""
    names = [LABEL, *encoder.level_columns]
    if encoder.effects is None:
        sizes = [1, *encoder.level_sizes]
        effects = {n: np.zeros(size, np.float32) for n, size in zip(names, sizes, strict=True)}
        return effects | {LABEL: np.full(1, np.nan, np.float32)}
    tables = zip(names, encoder.effect_tables, strict=True)
    return {name: np.ascontiguousarray(table[:, -1]) for name, table in tables}


def _keys(
    columns: Iterable[NDArray[np.uint32]],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Ascending keys of the codes of all columns, and the row of each column's unknown values."""
    codes = [np.append(c.astype(np.uint64), np.uint64(_UNKNOWN)) for c in columns]
    keys = [(np.uint64(number) << np.uint64(33)) + c for number, c in enumerate(codes)]
    flat = np.concatenate([np.zeros(0, np.uint64), *keys])
    return flat, np.cumsum([len(c) for c in codes], dtype=np.int64) - 1


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
        table: the encoder's own, from `code_table_of`.

    Returns:
        Rows × features in the order of `feature_names`, NaN where missing.
    """
    rows = len(numbers)
    places = table.places(codes)
    count, mean = looked_up(
        places, absent, table.counts, table.means, table.prior, len(table.prior) - 1
    )
    features = np.empty((rows, len(NUMBERS) + 2 * len(CATEGORIES) + 1), np.float32)
    features[:, : len(NUMBERS)] = numbers
    features[:, len(NUMBERS) : -1 : 2] = count
    features[:, len(NUMBERS) + 1 : -1 : 2] = mean
    features[:, -1] = table.margin(numbers, codes, absent, places)
    return features
