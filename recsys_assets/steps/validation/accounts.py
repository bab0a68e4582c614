"""The account of one landed file: what its blocks came to, and what is written about it.

outcomes of blocks -> lines read = accepted + quarantined, or one fault for the whole file
"""

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from recsys_assets.kernels.delimited import ShapeFault
from recsys_assets.kernels.validation import REJECTED_SCHEMA
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landed_bytes import count_file_lines
from recsys_assets.lake.store import place, read_ipc
from recsys_assets.lake.tables import DROP_DATE, DataFile
from recsys_assets.steps.validation.blocks import BlockOutcome, Chunk

_EXAMPLES = 10


FEW_LINES = 10
"""Fewer bad lines condemn no file that holds a good one: one in three says little."""


@dataclass
class FileAccount:
    """What became of one file."""

    file: LandedFile
    chunks: list[Chunk] = field(default_factory=list)
    blocks: list[list[BlockOutcome]] = field(default_factory=list)
    """For each chunk, the outcomes of its blocks in order."""
    fault: ShapeFault | None = None
    """Why the file is rejected as a whole; None where it is not."""
    fault_lines: int = 0
    """Lines of a file that is rejected as a whole."""

    def __post_init__(self) -> None:
        # As the work on it begins: a file that grows meanwhile must make its drop wait again.
        self.size = self.file.size

    @property
    def header_lines(self) -> int:
        """Lines above the first line of data."""
        return int(bool(self.chunks and self.chunks[0].dialect.header))

    @property
    def lines(self) -> int:
        """Lines read, without a header."""
        return self.fault_lines if self.fault else sum(b.lines for b in self._all_blocks())

    @property
    def accepted(self) -> int:
        """Lines that become rows of the table."""
        return 0 if self.fault else sum(block.accepted for block in self._all_blocks())

    @property
    def quarantined(self) -> int:
        """Lines kept apart: with the file, or one by one."""
        return self.fault_lines if self.fault else sum(b.rejected for b in self._all_blocks())

    def _all_blocks(self) -> Iterator[BlockOutcome]:
        return (block for blocks in self.blocks for block in blocks)

    def judge(self, max_bad_share: float, accepted_with: int = 0) -> None:
        """Decide, once all blocks are in, whether the file is rejected as a whole.

        Args:
            max_bad_share: share of bad lines beyond which it is.
            accepted_with: bad lines with which it was accepted before; so many are no reason now.
        """
        before = 0
        for block in self._all_blocks():
            if block.fault_rule and not self.fault:
                line = block.fault_line and block.fault_line + before + self.header_lines
                self.reject(ShapeFault(block.fault_rule, block.fault_message or "", line))
            before += block.lines
        many = self.quarantined >= FEW_LINES or not self.accepted
        most = max(max_bad_share * self.lines, accepted_with)
        if not self.fault and many and self.quarantined > most:
            reasons = ", ".join(f"{rule} {count}" for rule, count in self.reasons().items())
            message = f"{self.quarantined} of {self.lines} lines are bad, more than "
            self.reject(ShapeFault("file.bad_share", f"{message}{max_bad_share:.0%}: {reasons}"))

    def reject(self, fault: ShapeFault) -> None:
        """Reject the file as a whole; all its lines are set apart with it."""
        self.fault = fault
        self.fault_lines = count_file_lines(self.file.path) - self.header_lines

    def parts(self) -> list[tuple[int, int, DataFile]]:
        """Files of accepted rows: number of the chunk, of the block in it, and the file."""
        return [
            (n, m, DataFile(place(block.accepted_path), block.accepted))
            for n, blocks in enumerate(self.blocks)
            for m, block in enumerate(blocks)
            if block.accepted_path
        ]

    def rejected(self) -> pl.DataFrame:
        """Lines set apart one by one, with 1-based line numbers of the file."""
        frames = [pl.DataFrame(schema=REJECTED_SCHEMA)]
        before = self.header_lines + 1
        for block in self._all_blocks():
            if block.rejected_path:
                lines = read_ipc(block.rejected_path)
                frames.append(lines.with_columns(pl.col("line") + before))
            before += block.lines
        return pl.concat(frames)

    def reasons(self) -> dict[str, int]:
        """Rule → number of lines that broke it."""
        if self.fault:
            return {self.fault.rule: max(self.lines, 1)}
        rules = self.rejected()["rules"].explode(empty_as_null=False)
        return dict(rules.value_counts().sort("rules").iter_rows())

    def entry(self) -> dict[str, str | int | bool | datetime.date | None]:
        """The row of the account of files."""
        return {
            "dataset": self.file.dataset,
            DROP_DATE: self.file.date,
            "file": self.file.name,
            "size": self.size,
            "form": self.chunks[0].dialect.name if self.chunks else None,
            "read": self.lines,
            "accepted": self.accepted,
            "quarantined": self.quarantined,
            "rejected": self.fault is not None,
            "reasons": json.dumps(self.reasons(), sort_keys=True),
            "message": str(self.fault) if self.fault else None,
        }

    def rejection(self) -> dict[str, object]:
        """What is written beside the copy of a file that is rejected as a whole."""
        assert self.fault is not None
        return {
            "dataset": self.file.dataset,
            "drop_date": self.file.date.isoformat(),
            "file": self.file.name,
            "rule": self.fault.rule,
            "line": self.fault.line,
            "message": self.fault.message,
            "lines": self.lines,
            "examples": self.rejected().head(_EXAMPLES).to_dicts(),
        }


def reject_empty_drop(accounts: list[FileAccount]) -> None:
    """Reject files without a line where no other file of the drop has one.

    Beside files with lines such a file says that there is no more. A whole drop of them would
    empty its part of the table, and comes from an export that broke far more often than from a
    day on which nothing happened.
    """
    if any(account.lines for account in accounts):
        return
    for account in accounts:
        account.reject(
            ShapeFault(
                "file.empty",
                "the file holds a header and no line of data, and no file of the drop that is not"
                " rejected holds any; check the export that wrote it",
                1,
            )
        )
