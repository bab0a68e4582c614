"""Rows of one drop that share a key: found over the Parquet files their blocks were written to.

The keys of one drop are held in memory twice, 16 bytes a row; 100 million rows take 1.6 GB.
"""

from pathlib import Path

import numpy as np
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.steps.accounts import FileAccount
from recsys_assets.steps.blocks import OUTCOME_SCHEMA, BlockOutcome, Doubles, reject_doubles
from recsys_assets.steps.session import Session
from recsys_assets.steps.workers import map_items


def set_doubles_apart(session: Session, dataset: Dataset, accounts: list[FileAccount]) -> None:
    """Of the accepted rows of one drop with one key, keep the latest and quarantine the others."""
    parts = [(account, *part) for account in accounts for part in account.parts()]
    paths = [part.path for *_, part in parts]
    doubles = find_doubles(paths, dataset.key, dataset.latest) if paths else {}
    touched: dict[tuple[int, int], dict[int, tuple[int, ...]]] = {}
    for position, rows in doubles.items():
        account, chunk, block, _ = parts[position]
        touched.setdefault((accounts.index(account), chunk), {})[block] = tuple(rows)
    items = [_doubles_of(accounts[n], chunk, rows) for (n, chunk), rows in touched.items()]
    outcomes: list[list[BlockOutcome]] = [[] for _ in items]
    for item, row in map_items(session.spark, items, reject_doubles, OUTCOME_SCHEMA):
        outcomes[item].append(BlockOutcome(**row))
    for (n, chunk), blocks in zip(touched, outcomes, strict=True):
        accounts[n].blocks[chunk] = blocks
    for position in doubles:
        paths[position].unlink()


def _doubles_of(account: FileAccount, chunk: int, rows: dict[int, tuple[int, ...]]) -> Doubles:
    blocks = account.blocks[chunk]
    by_block = tuple(rows.get(block, ()) for block in range(len(blocks)))
    return Doubles(account.chunks[chunk], tuple(blocks), by_block)


def find_doubles(
    paths: list[Path], key: tuple[str, ...], latest: str | None
) -> dict[int, list[int]]:
    """Rows to give up so that each key stands once.

    Args:
        paths: Parquet files in the order in which their rows arrived.
        key: the one or two 32-bit integer columns that name a row.
        latest: of rows with one key, the greatest value of this column stays; of equal ones, or
            where it is None, the row that arrived last.

    Returns:
        Position of the file in ``paths`` → its rows (0-based, ascending) to give up.
    """
    packed = pl.lit(0, pl.Int64)
    for column in key:
        packed = packed * (1 << 32) + pl.col(column).cast(pl.Int64)
    files = [pl.scan_parquet(path) for path in paths]
    keys = pl.concat([file.select(key=packed) for file in files]).collect()["key"].to_numpy()
    # NumPy sorts whole numbers with vector instructions, several times faster than any hashing.
    ordered = np.sort(keys)
    doubled = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(doubled):
        return {}
    age = pl.col(latest) if latest else pl.lit(0)
    rows = pl.concat(
        [
            file.select(key=packed, age=age, part=pl.lit(n), row=pl.int_range(pl.len()))
            for n, file in enumerate(files)
        ]
    )
    shared = rows.filter(pl.col("key").is_in(pl.Series(np.unique(doubled)).implode())).collect()
    arrived = shared.sort("key", "age", "part", "row")
    lost = arrived.filter(pl.col("key") == pl.col("key").shift(-1)).sort("part", "row")
    by_part = lost.partition_by("part", as_dict=True)
    return {int(part): frame["row"].to_list() for (part,), frame in by_part.items()}
