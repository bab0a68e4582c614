"""Training clicks are counted: rows and clicks of each value of each category and pair.

(evenly spaced training rows) -> pairs of columns that belong together
training rows -> (block by block) -> counts -> (category by category) -> Encoder
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from recsys_assets.contracts.click_tables import CLICK_ENCODER
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.categories import add_up, count_categories, merge_rare
from recsys_assets.kernels.click_fit import EncodingPlan, evenly_spaced
from recsys_assets.kernels.crosses import choose_crosses
from recsys_assets.kernels.encode import Encoder
from recsys_assets.lake.store import remove_tree, scan_parquet, write_parquet
from recsys_assets.steps.clicks.parts import Block
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items

_COLUMNS = [LABEL, *NUMBERS, *CATEGORIES]


def count_values(
    session: Session, training: list[Block], plan: EncodingPlan
) -> tuple[Encoder, int]:
    """The encoder of the training rows, and how many of them were clicked."""
    total = sum(block.rows for block in training)
    crosses = choose_crosses(_sample(training, plan.cross_rows), plan.crosses, plan.min_count)
    folder = session.lake.staging(CLICK_ENCODER)

    def count(block: Block) -> Iterator[dict[str, Any]]:
        rows = block.read(_COLUMNS)
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
    parts = [
        evenly_spaced(block.read(_COLUMNS), max(1, most * block.rows // total))
        for block in training
    ]
    return pl.concat(parts) if parts else pl.DataFrame()
