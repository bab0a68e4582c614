"""The additive model of clicks is fitted: each fit has a worker to itself.

latest training rows + Encoder -> (block by block) -> levels
levels -> (a fit without each fold, and one with all rows) -> effects
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_EFFECTS
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_fit import EncodingPlan, fit_fold
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.encode import Encoder
from recsys_assets.lake.store import read_parquet, remove_tree, write_parquet
from recsys_assets.steps.clicks.parts import Block
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


def fit_effects_of(
    session: Session, training: list[Block], encoder: Encoder, plan: EncodingPlan
) -> pl.DataFrame:
    """The effects of all fits, for the encoder of the same rows."""
    shared = session.spark.sparkContext.broadcast(encoder)
    folder = session.lake.staging(CLICK_EFFECTS)
    total = sum(block.rows for block in training)
    seen = {
        left_out: _latest(training, plan.effect_rows, plan.fitted_before(left_out, total))
        for left_out in plan.fits()
    }
    needed = [block for block in training if any(block in own for own in seen.values())]

    def find_levels(block: Block) -> Iterator[str]:
        rows = block.read([LABEL, *NUMBERS, *CATEGORIES])
        fold = plan.fold_of(block.first, rows.height, total)
        known: Encoder = shared.value
        levels = pl.DataFrame(dict(zip(known.level_columns, known.levels(rows), strict=True)))
        path = f"{folder}/levels-{block.first}.parquet"
        label = rows[LABEL].cast(pl.Int8)
        write_parquet(levels.with_columns(label, fold), path, compression="lz4")
        yield path

    found = map_items(session.spark, needed, find_levels)
    paths = {needed[number]: path for number, path in found}

    def fit(left_out: int) -> Iterator[str]:
        known: Encoder = shared.value
        rows = pl.concat([read_parquet(paths[block]) for block in seen[left_out]])
        label, fold = rows.drop_in_place(LABEL).to_numpy(), rows.drop_in_place(FOLD).to_numpy()
        levels = np.ascontiguousarray(rows.to_numpy().T)
        path = f"{folder}/effects-{left_out}.parquet"
        effects = fit_fold(known, levels, label, fold, left_out)
        write_parquet(known.table_of_effects({left_out: effects}), path)
        yield path

    fitted = sorted(path for _, path in map_items(session.spark, plan.fits(), fit))
    shared.destroy()
    effects = pl.concat([read_parquet(path) for path in fitted])
    remove_tree(folder)
    return effects


def _latest(training: list[Block], most: int, end: int) -> list[Block]:
    """The last blocks before a position that hold no more than so many rows; at least one."""
    before = [block for block in training if block.first < max(end, 1)]
    kept, rows = 0, 0
    for block in reversed(before):
        rows += block.rows
        if kept and rows > most:
            break
        kept += 1
    return before[len(before) - kept :]
