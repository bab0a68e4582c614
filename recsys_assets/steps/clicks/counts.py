"""Training clicks are counted: rows and clicks of each value of each category and pair.

training rows -> (some columns, block by block) -> statistics of these columns
(evenly spaced training rows) -> pairs of columns that belong together

Each task counts columns of its own over all rows, so that no two counts have to be brought together
and no task holds more than the distinct values of its columns, and some millions of rows' codes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from recsys_assets.contracts.click_tables import CLICK_ENCODER
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_fit import EncodingPlan, evenly_spaced
from recsys_assets.kernels.crosses import choose_crosses
from recsys_assets.kernels.tally import Tally
from recsys_assets.lake.store import read_parquet, remove_tree, write_parquet
from recsys_assets.steps.clicks.parts import Block
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items

SAMPLED_OF = 4
"""Rows that are read for each row that pairs are chosen from, at most about."""


def count_values(
    session: Session, training: list[Block], columns: Sequence[str], plan: EncodingPlan
) -> pl.DataFrame:
    """Statistics of columns over all training rows, see `STATISTICS_SCHEMA`.

    Args:
        session: whose workers count.
        training: blocks of training rows.
        columns: ``label``, categories, pairs.
        plan: how rows fall into folds, and which values are rare.
    """
    total = sum(block.rows for block in training)
    folder = session.lake.staging(CLICK_ENCODER)
    tasks = min(session.spark.sparkContext.defaultParallelism, len(columns))

    def count(number: int) -> Iterator[Path]:
        own = columns[number::tasks]
        parts = dict.fromkeys([LABEL, *(part for name in own for part in name.split("*"))])
        tally = Tally(own)
        for block in training:
            rows = block.read([*parts])
            tally.add(rows.with_columns(plan.fold_of(block.first, rows.height, total)))
        path = folder / f"{number}.parquet"
        write_parquet(tally.statistics(plan.min_count), path)
        yield path

    counted = [read_parquet(path) for _, path in map_items(session.spark, [*range(tasks)], count)]
    remove_tree(folder)
    by_column = pl.concat(counted).partition_by("column", as_dict=True)
    return pl.concat([by_column[(name,)] for name in columns if (name,) in by_column])


def choose_pairs(training: list[Block], plan: EncodingPlan) -> tuple[str, ...]:
    """Pairs of columns that say more together than apart, chosen from evenly spaced rows."""
    # Of many blocks only some are read, evenly spaced too: one process reads them.
    total = sum(block.rows for block in training)
    chosen = training[:: max(1, total // (SAMPLED_OF * plan.cross_rows))]
    known = sum(block.rows for block in chosen)
    columns = [LABEL, *NUMBERS, *CATEGORIES]
    sample = [
        evenly_spaced(block.read(columns), max(1, plan.cross_rows * block.rows // known))
        for block in chosen
    ]
    return choose_crosses(pl.concat(sample), plan.crosses, plan.min_count) if sample else ()
