"""Drops that wait: files in the landing zone that the account of files does not know yet."""

import datetime
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from recsys_assets.contracts.files import quarantine_of
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landing import FIRST_DROP, LandingZone
from recsys_assets.lake.tables import DROP_DATE, Lake


@dataclass(frozen=True)
class WaitingDrops:
    """Drops that can be worked on now."""

    marks: dict[datetime.date, str]
    """Date, ascending → stands for its files: the same files, the same mark."""

    @property
    def dates(self) -> list[datetime.date]:
        """Their dates, ascending."""
        return list(self.marks)

    def fingerprint(self, dates: Iterable[datetime.date]) -> str:
        """Stands for the files of some drops, whatever becomes of the others."""
        words = "".join(self.marks[date] for date in dates)
        return hashlib.sha256(words.encode()).hexdigest()[:32]


def pending_dates(lake: Lake, landing: LandingZone, datasets: list[str]) -> list[datetime.date]:
    """Drop dates whose files or rows differ from those accounted for, ascending."""
    known = set(account_of_files(lake).select("dataset", "drop_date", "file", "size").iter_rows())
    landed = {
        (file.dataset, file.date, file.name, file.size)
        for dataset in datasets
        for file in landing.files(dataset)
    }
    # A drop whose folder is gone may come back with its disk: nothing can be done about it here.
    present = {(dataset, date) for dataset in datasets for date in landing.dates(dataset)}
    changed = {(dataset, date) for dataset, date, _, _ in known ^ landed}
    changed |= {(dataset, date) for dataset in datasets for date in _unbalanced(lake, dataset)}
    return sorted({date for _, date in changed & present})


def _unbalanced(lake: Lake, dataset: str) -> set[datetime.date]:
    """Drops of which a table holds other rows, or rejected lines, than the account says.

    So it is where a run died before it wrote the account, and after a rollback. A drop of nothing
    but rejected files is none of them: the tables keep what they held before.
    """
    accounts = _accounts(lake, dataset)
    held = {
        "accepted": lake.rows_by_drop(dataset),
        "quarantined": lake.rows_by_drop(quarantine_of(dataset)),
    }
    return {
        date
        for counted, rows in held.items()
        for date in rows.keys() | accounts.keys()
        if rows.get(date, 0) != accounts.get(date, {}).get(counted, 0)
        and not accounts.get(date, {}).get("rejected", False)
    }


def _accounts(lake: Lake, dataset: str) -> dict[datetime.date, dict[str, int]]:
    """Drop date → lines that became rows, lines set apart one by one, whether no file is good."""
    alone = pl.col("quarantined").filter(~pl.col("rejected"))
    drops = account_of_files(lake).filter(dataset=dataset).group_by(DROP_DATE)
    counts = drops.agg(pl.col("accepted").sum(), alone.sum(), pl.col("rejected").all())
    return {row.pop(DROP_DATE): row for row in counts.iter_rows(named=True)}


def rejected_dates(lake: Lake) -> set[datetime.date]:
    """Drop dates of which some data set had nothing but rejected files."""
    whole = pl.col("rejected").all()
    drops = account_of_files(lake).group_by("dataset", "drop_date").agg(whole).filter("rejected")
    return set(drops["drop_date"])


def waiting_drops(
    lake: Lake, landing: LandingZone, datasets: list[str], settled_for: float = 0.0
) -> WaitingDrops:
    """Drops that wait and that nobody is writing any more; those dated in the future wait on.

    Args:
        lake: the tables.
        landing: the landed files.
        datasets: data sets to look for.
        settled_for: seconds for which no file of a drop may have changed.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    files = {
        date: [file for dataset in datasets for file in landing.drop(dataset, date)]
        for date in pending_dates(lake, landing, datasets)
        if FIRST_DROP <= date <= today
    }
    return WaitingDrops(
        {
            date: _mark_of(date, of_day)
            for date, of_day in files.items()
            if _is_settled(of_day, settled_for)
        }
    )


def _mark_of(date: datetime.date, files: list[LandedFile]) -> str:
    """Stands for the files of a drop; another one for those that were withdrawn and put back.

    That alone changes the time of the inode: a sensor that has run the drop before runs it anew.
    """
    digest = hashlib.sha256(date.isoformat().encode())
    for file in files:
        status = file.path.stat()
        times = (status.st_mtime_ns, status.st_ctime_ns)
        words = (file.dataset, file.name, status.st_size, times)
        digest.update(repr(words).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _is_settled(files: list[LandedFile], seconds: float) -> bool:
    return all(time.time() - file.changed >= seconds for file in files)
