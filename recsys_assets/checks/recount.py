"""The account of files, counted anew from what lies there: files, table rows, quarantined lines."""

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import quarantine_of
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landed_bytes import count_file_lines
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.store import same_content
from recsys_assets.lake.tables import DROP_DATE, Lake

Counts = Mapping[tuple[datetime.date, str], int]


def recount_files(
    files: pl.DataFrame, dataset: Dataset, lake: Lake, zone: LandingZone
) -> list[dict[str, Any]]:
    """Count every file again.

    Args:
        files: rows of the account of files, of whole drops of one data set.
        dataset: the data set.
        lake: where its rows and its quarantined lines lie.
        zone: where its files lie, and copies of the rejected ones.

    Returns:
        One row per file: drop date, file, lines, accepted, quarantined, and the problem in words,
        empty where the lines of the file are all in the table or kept apart. Rows of a file that
        is not accounted for are a problem too.
    """
    dates = files[DROP_DATE].unique().to_list()
    rows = _count_by_file(lake, dataset.name, dates)
    lines = _count_by_file(lake, quarantine_of(dataset.name), dates)
    landed = {(f.date, f.name): f for date in dates for f in zone.drop(dataset.name, date)}
    counted = [
        _recount(entry, dataset, landed.get((entry[DROP_DATE], entry["file"])), zone, rows, lines)
        for entry in files.iter_rows(named=True)
    ]
    return counted + _unaccounted(files, rows, lines)


def _recount(
    entry: dict[str, Any],
    dataset: Dataset,
    file: LandedFile | None,
    zone: LandingZone,
    rows: Counts,
    lines: Counts,
) -> dict[str, Any]:
    key = (entry[DROP_DATE], entry["file"])
    counted: dict[str, Any] = {DROP_DATE: str(key[0]), "file": key[1], "lines": None}
    counted |= {"accepted": rows.get(key, 0), "quarantined": lines.get(key, 0), "problem": ""}
    if file is None:
        return counted | {"problem": "the file is not in the landing zone"}
    has_header = any(d.header for d in dataset.dialects if d.name == entry["form"])
    counted["lines"] = count_file_lines(file.path) - int(has_header)
    if entry["rejected"]:
        copy = zone.rejected_copy(file)
        if not copy.is_file() or not same_content(copy, file.path):
            return counted | {"problem": "the copy of the rejected file is not what landed"}
        counted |= {"accepted": 0, "quarantined": counted["lines"]}
    told = {"lines": entry["read"], **{k: entry[k] for k in ("accepted", "quarantined")}}
    if counted["lines"] != counted["accepted"] + counted["quarantined"]:
        counted["problem"] = "lines are lost or doubled"
    elif any(counted[name] != count for name, count in told.items()):
        counted["problem"] = f"accounted for otherwise: {told}"
    return counted


def _unaccounted(files: pl.DataFrame, rows: Counts, lines: Counts) -> list[dict[str, Any]]:
    """Rows and lines of files that are not accepted; a drop of rejected files keeps its rows."""
    accepted = files.filter(~pl.col("rejected"))
    known = set(accepted.select(DROP_DATE, "file").iter_rows())
    dates = {date for date, _ in known}
    return [
        {
            DROP_DATE: str(date),
            "file": file,
            "lines": None,
            "accepted": rows.get((date, file), 0),
            "quarantined": lines.get((date, file), 0),
            "problem": "rows of a file that is not accounted for as accepted",
        }
        for date, file in sorted({*rows, *lines} - known)
        if date in dates
    ]


def _count_by_file(lake: Lake, table: str, dates: list[datetime.date]) -> Counts:
    if not lake.exists(table):
        return {}
    chosen = lake.scan(table).filter(pl.col(DROP_DATE).is_in(dates))
    counts = chosen.group_by(DROP_DATE, "file").len().collect()
    return {(date, file): count for date, file, count in counts.iter_rows()}
