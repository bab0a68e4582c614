"""What training rows of clicks tell of each value, counted and fitted in the workers.

training rows -> (a sample) -> pairs of columns that belong together
-> (block by block) -> rows and clicks of each value -> Encoder
training rows + Encoder -> (once per fold) -> effects of all columns together
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from recsys_assets.contracts.click_tables import CLICK_EFFECTS, CLICK_ENCODER
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.categories import add_up, count_categories, merge_rare
from recsys_assets.kernels.click_fit import EncodingPlan, evenly_spaced, fit_fold
from recsys_assets.kernels.crosses import choose_crosses
from recsys_assets.kernels.encode import Encoder
from recsys_assets.lake.store import read_parquet, remove_tree, scan_parquet, write_parquet
from recsys_assets.steps.clicks import Block
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items

_FIELDS = (*NUMBERS, *CATEGORIES)


def count_values(
    session: Session, training: list[Block], plan: EncodingPlan
) -> tuple[Encoder, int]:
    """The encoder of the training rows, and how many of them were clicked."""
    total = sum(block.rows for block in training)
    crosses = choose_crosses(_sample(training, plan.cross_rows), plan.crosses, plan.min_count)
    columns = [LABEL, *_FIELDS]
    folder = session.lake.staging(CLICK_ENCODER)

    def count(block: Block) -> Iterator[dict[str, Any]]:
        rows = block.read(columns)
        rows = rows.with_columns(plan.fold_of(block.first, rows.height, total))
        statistics = count_categories(rows, crosses)
        path = f"{folder}/{block.first}.parquet"
        write_parquet(statistics, path, row_group_size=50_000)
        yield {"path": path, "rows": rows.height, "clicks": int(rows[LABEL].sum())}

    written = [row for _, row in map_items(session.spark, training, count)]
    statistics = scan_parquet(*(row["path"] for row in written))
    # Category by category: all values of a full log at once would not fit a small machine.
    merged = [
        merge_rare(add_up(statistics.filter(column=name)).collect(), plan.min_count)
        for name in (LABEL, *CATEGORIES, *crosses)
    ]
    remove_tree(folder)
    encoder = Encoder(pl.concat(merged), plan.smoothing, earlier=plan.earlier)
    return encoder, sum(row["clicks"] for row in written)


def _sample(training: list[Block], most: int) -> pl.DataFrame:
    """Training rows, evenly spaced over all blocks."""
    total = sum(block.rows for block in training)
    columns = [LABEL, *_FIELDS]
    parts = [
        evenly_spaced(block.read(columns), max(1, most * block.rows // total)) for block in training
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def fit_effects(
    session: Session, training: list[Block], encoder: Encoder, plan: EncodingPlan
) -> Encoder:
    """The encoder with the effects of all fits; each fit has a worker to itself."""
    shared = session.spark.sparkContext.broadcast(encoder)
    folder = session.lake.staging(CLICK_EFFECTS)
    total = sum(block.rows for block in training)

    def fit(left_out: int) -> Iterator[str]:
        known: Encoder = shared.value
        latest = pl.concat([b.read([LABEL, *_FIELDS]) for b in _latest(training, plan.effect_rows)])
        fold = plan.fold_of(total - latest.height, latest.height, total).to_numpy()
        label = latest[LABEL].cast(pl.Int8).to_numpy()
        effects = fit_fold(known, known.levels(latest), label, fold, left_out)
        path = f"{folder}/{left_out}.parquet"
        write_parquet(known.table_of_effects({left_out: effects}), path)
        yield path

    paths = sorted(path for _, path in map_items(session.spark, plan.fits(), fit))
    shared.destroy()
    effects = pl.concat([read_parquet(path) for path in paths])
    remove_tree(folder)
    return Encoder(encoder.statistics, encoder.smoothing, effects, encoder.earlier)


def _latest(training: list[Block], most: int) -> list[Block]:
    """The last blocks that hold no more than so many rows together; at least one."""
    kept, rows = 0, 0
    for block in reversed(training):
        rows += block.rows
        if kept and rows > most:
            break
        kept += 1
    return training[len(training) - kept :]


def effects_of(encoder: Encoder) -> pl.DataFrame:
    """The effects of an encoder that has them."""
    if encoder.effects is None:
        raise ValueError("the encoder has no effects yet: fit them first")
    return encoder.effects
