"""Drops that wait: files in the landing zone that the account of files does not know yet."""

import datetime

import polars as pl

from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.tables import Lake

FILES = "files"


def pending_dates(lake: Lake, landing: LandingZone, datasets: list[str]) -> list[datetime.date]:
    """Drop dates whose files differ from those accounted for, ascending."""
    known: set[tuple[str, datetime.date, str, int]] = set()
    if lake.exists(FILES):
        rows = lake.scan(FILES).select("dataset", "drop_date", "file", "size").collect()
        known = set(rows.filter(pl.col("dataset").is_in(datasets)).iter_rows())
    landed = {
        (file.dataset, file.date, file.name, file.size)
        for dataset in datasets
        for file in landing.files(dataset)
    }
    # A drop whose folder is gone may come back with its disk: nothing can be done about it here.
    present = {(dataset, date) for dataset in datasets for date in landing.dates(dataset)}
    return sorted({date for dataset, date, _, _ in known ^ landed if (dataset, date) in present})
