"""What the click steps share: whether there are clicks, and their files in the order of time."""

from dataclasses import dataclass

import polars as pl

from recsys_assets.contracts.click_tables import CLICK_FEATURES
from recsys_assets.contracts.clicks import CLICKS
from recsys_assets.contracts.features import SPLITS
from recsys_assets.lake.store import scan_parquet
from recsys_assets.lake.tables import DROP_DATE, Lake
from recsys_assets.steps.report import StepReport, not_landed, nothing_left
from recsys_assets.steps.session import Session


@dataclass(frozen=True)
class Part:
    """One data file of a table's newest version."""

    path: str
    rows: int
    partition: str | None
    """Its value of the partition column."""


@dataclass(frozen=True)
class Block:
    """Consecutive rows of one file that belong to one part of the split."""

    path: str
    offset: int
    """First row within the file."""
    rows: int
    first: int
    """Position of the first row among all rows."""
    split: str

    def read(self, columns: list[str]) -> pl.DataFrame:
        """Its rows."""
        return scan_parquet(self.path).select(columns).slice(self.offset, self.rows).collect()


def nothing_landed(session: Session) -> StepReport | None:
    """The report of a step that has nothing to do, if that is so."""
    if session.lake.has_rows(CLICKS.name):
        return None
    if session.lake.has_rows(CLICK_FEATURES):
        return nothing_left(CLICKS.name, CLICK_FEATURES)
    return not_landed(CLICKS.name)


def parts_of(lake: Lake, table: str, partition_by: str, only: str | None = None) -> list[Part]:
    """Files of a table by partition, and within one in the order in which they were committed.

    Args:
        lake: where the table lies.
        table: its name.
        partition_by: its partition column.
        only: the one partition that is wanted; all if None.
    """
    actions = pl.DataFrame(lake.open(table).get_add_actions(flatten=True))
    value = pl.col(f"partition.{partition_by}").cast(pl.String)
    listed = actions.select("path", "num_records", value.alias("partition"))
    if only is not None:
        listed = listed.filter(partition=only)
    ordered = listed.sort("partition", maintain_order=True)
    return [
        Part(f"{lake.uri(table)}/{path}", _rows(f"{lake.uri(table)}/{path}", rows), partition)
        for path, rows, partition in ordered.iter_rows()
    ]


def _rows(path: str, recorded: int | None) -> int:
    """Rows of a file; those who write without statistics do not record them."""
    if recorded is not None:
        return recorded
    return int(scan_parquet(path).select(pl.len()).collect().item())


def click_parts(lake: Lake) -> list[Part]:
    """Files of the validated clicks in the order of time: by drop date, file and line."""
    return parts_of(lake, CLICKS.name, DROP_DATE)


@dataclass(frozen=True)
class Until:
    """How far into the clicks a model was fitted: which rows it knows, whatever is withdrawn."""

    drop_date: str
    rows: int
    """Rows of that drop that it knows; all those of drops before it."""
    total: int = 0
    """Rows that it knows in all; 0 where that is not told."""

    def __str__(self) -> str:
        """The text that is kept with a model."""
        return f"{self.drop_date} {self.rows} {self.total}"

    @classmethod
    def read(cls, text: str) -> "Until":
        """What `str` wrote."""
        date, *rows = text.split(" ")  # there is no date where it knows nothing
        return cls(date, *map(int, rows))

    def position(self, parts: list[Part]) -> int:
        """Position after the last row known, among the rows of some files in the order of time."""
        before = sum(part.rows for part in parts if str(part.partition) < self.drop_date)
        same = sum(part.rows for part in parts if part.partition == self.drop_date)
        return before + min(self.rows, same)

    def withdrawn(self, parts: list[Part]) -> int:
        """How many of the rows known are no longer among those of some files."""
        return max(0, self.total - self.position(parts))


def known_until(parts: list[Part], known: int) -> Until:
    """The place after so many rows of some files in the order of time."""
    date, rows, left = "", 0, known
    for part in parts:
        if left <= 0:
            break
        rows = min(left, part.rows) + (rows if part.partition == date else 0)
        date = str(part.partition)
        left -= part.rows
    return Until(date, rows, known)


def cut_blocks(parts: list[Part], shares: tuple[float, float], block_rows: int) -> list[Block]:
    """All rows in blocks that end where a file, a part of the split or a full block ends.

    Args:
        parts: files in the order of time.
        shares: of all rows, those to train on and those to validate on; the rest is tested on.
        block_rows: most rows of a block.
    """
    total = sum(part.rows for part in parts)
    borders = (int(total * shares[0]), int(total * sum(shares)), total)
    blocks: list[Block] = []
    first = 0
    for part in parts:
        position, end = first, first + part.rows
        while position < end:
            number = next(n for n, border in enumerate(borders) if position < border)
            stop = min(end, borders[number], position + block_rows)
            rows = stop - position
            blocks.append(Block(part.path, position - first, rows, position, SPLITS[number]))
            position = stop
        first = end
    return blocks
