"""Rows of one drop that share a key: found over the Arrow files in which they wait.

The keys of one drop are held in memory twice, 16 bytes a row; 100 million rows take 1.6 GB.
"""

from pathlib import Path

import numpy as np
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.lake.store import scan_ipc
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.accounts import FileAccount
from recsys_assets.steps.validation.blocks import KeyedChunk, write_keyed_chunk
from recsys_assets.steps.workers import map_items


def write_without_doubles(session: Session, dataset: Dataset, accounts: list[FileAccount]) -> None:
    """Of the accepted rows of a drop with one key write the latest; quarantine the others."""
    parts = [(account, *part) for account in accounts for part in account.parts()]
    paths = [part.path for *_, part in parts]
    lost: dict[tuple[int, int, int], list[int]] = {}
    for position, rows in find_doubles(paths, dataset.key, dataset.latest).items():
        account, chunk, block, _ = parts[position]
        lost[accounts.index(account), chunk, block] = rows
    owners = [(n, chunk) for n, account in enumerate(accounts) for chunk in _filled(account)]
    items = [
        KeyedChunk(
            accounts[n].chunks[chunk],
            tuple(accounts[n].blocks[chunk]),
            tuple(
                tuple(lost.get((n, chunk, block), ()))
                for block in range(len(accounts[n].blocks[chunk]))
            ),
        )
        for n, chunk in owners
    ]
    for n, chunk in owners:
        accounts[n].blocks[chunk] = []
    for item, outcome in map_items(session.spark, items, write_keyed_chunk):
        n, chunk = owners[item]
        accounts[n].blocks[chunk].append(outcome)


def _filled(account: FileAccount) -> list[int]:
    """Chunks with rows."""
    return [n for n, blocks in enumerate(account.blocks) if any(b.accepted for b in blocks)]


def find_doubles(
    paths: list[Path], key: tuple[str, ...], latest: str | None
) -> dict[int, list[int]]:
    """Rows to give up so that each key stands once.

    Args:
        paths: Arrow files in the order in which their rows arrived.
        key: the one or two 32-bit integer columns that name a row.
        latest: of rows with one key, the greatest value of this column stays; of equal ones, or
            where it is None, the row that arrived last.

    Returns:
        Position of the file in ``paths`` → its rows (0-based, ascending) to give up.
    """
    packed = pl.lit(0, pl.Int64)
    for column in key:
        packed = packed * (1 << 32) + pl.col(column).cast(pl.Int64)
    files = [scan_ipc(path) for path in paths]
    if not files:
        return {}
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
