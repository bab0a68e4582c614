"""Click rows in the form of the Criteo challenge, with a known true click probability.

`click_batches` yields frames of 40 columns: label, I1-I13 (integers), C1-C26 (eight hexadecimal
digits), null where a field is empty. `criteo_profile` says how each column looks, `criteo_fields`
draws them, `criteo_odds` gives the chance of the click. Row i depends only on the seed and i, so
any slice can be made again, alone, in any batch size.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
from scipy.special import expit

from recsys_assets.synthetic.criteo_fields import codes_of, draw_numbers, draw_ranks
from recsys_assets.synthetic.criteo_odds import log_odds
from recsys_assets.synthetic.criteo_profile import CATEGORIES, EMPTY_SHARES, NUMBERS

COLUMNS = ("label", *(n.name for n in NUMBERS), *(c.name for c in CATEGORIES))
"""The 40 fields in the order of the file."""

ROWS_PER_BLOCK = 10_000
_FOUR_DIGITS = np.frombuffer("".join(f"{i:04x}" for i in range(65_536)).encode(), dtype=np.uint32)


def click_batches(
    rows: int,
    seed: int,
    batch_rows: int = 100_000,
    *,
    first_row: int = 0,
    with_probability: bool = False,
) -> Iterator[pl.DataFrame]:
    """Return rows `first_row` to `first_row + rows` in frames of `batch_rows` (the last shorter).

    `with_probability` appends the column `probability`: the true chance of the click, of which
    the label is one Bernoulli draw. Raises ValueError for negative counts or an empty batch.
    """
    if rows < 0 or first_row < 0 or batch_rows < 1:
        raise ValueError(
            f"rows={rows} and first_row={first_row} must not be negative, and "
            f"batch_rows={batch_rows} must be at least 1"
        )
    columns = [*COLUMNS, "probability"] if with_probability else list(COLUMNS)
    end = first_row + rows
    return (
        _rows_between(seed, start, min(start + batch_rows, end)).select(columns)
        for start in range(first_row, end, batch_rows)
    )


def _rows_between(seed: int, start: int, end: int) -> pl.DataFrame:
    blocks = range(start // ROWS_PER_BLOCK, (end - 1) // ROWS_PER_BLOCK + 1)
    frame = pl.concat([_block(seed, block) for block in blocks])
    return frame.slice(start - blocks.start * ROWS_PER_BLOCK, end - start)


def _block(seed: int, block: int) -> pl.DataFrame:
    # Blocks of a fixed size, each with a stream of its own, make a row independent of the batch.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block,)))
    empty = {g: rng.random(ROWS_PER_BLOCK) < share for g, share in EMPTY_SHARES.items()}
    engagement = rng.standard_normal(ROWS_PER_BLOCK)
    numbers = draw_numbers(rng, engagement)
    ranks = draw_ranks(rng, engagement)
    probability = expit(log_odds(numbers, ranks, empty))
    label = (rng.random(ROWS_PER_BLOCK) < probability).astype(np.int64)
    fields = {n.name: pa.array(numbers[n.name], mask=empty.get(n.empties)) for n in NUMBERS}
    for c in CATEGORIES:
        fields[c.name] = _hexadecimal(codes_of(c.name, ranks[c.name]), empty.get(c.empties))
    table = pa.table({"label": label} | fields | {"probability": probability})
    return pl.DataFrame(table)


def _hexadecimal(codes: np.ndarray, empty: np.ndarray | None) -> pa.Array:
    """Return codes as eight lower-case hexadecimal digits, null where empty."""
    halves = np.column_stack([codes >> np.uint32(16), codes & np.uint32(0xFFFF)])
    offsets = np.arange(0, 8 * len(codes) + 1, 8, dtype=np.int32)
    validity = None if empty is None else pa.py_buffer(np.packbits(~empty, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(_FOUR_DIGITS[halves])]
    return pa.Array.from_buffers(pa.string(), len(codes), buffers)
