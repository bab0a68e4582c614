"""What earlier runs have made of a drop, and what of it has been taken back since.

account of files, rows of the tables, withdrawn files -> what the next validation has to know
"""

import datetime

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import quarantine_of
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.steps.session import Session

BadLines = dict[tuple[str, int], int]
"""Name and size of a file → its lines that were set apart."""


def is_withdrawn(session: Session, dataset: Dataset, date: datetime.date) -> bool:
    """Whether the drop is known and all its files have been taken out of its folder.

    A drop whose run died before the account was written is known by its rows alone.

    A folder that is gone itself withdraws nothing: the disk may not be there.
    """
    if date not in session.landing.dates(dataset.name):
        return False
    if any(session.lake.rows_by_drop(table).get(date) for table in _tables_of(dataset)):
        return True
    known = account_of_files(session.lake).filter(dataset=dataset.name, drop_date=date)
    return not known.is_empty()


def accepted_before(session: Session, dataset: Dataset) -> dict[datetime.date, BadLines]:
    """Drop date → the files that earlier runs accepted, each with its lines set apart then."""
    found: dict[datetime.date, BadLines] = {}
    accepted = account_of_files(session.lake).filter(dataset=dataset.name, rejected=False)
    columns = accepted.select(DROP_DATE, "file", "size", "quarantined")
    for date, name, size, lines in columns.iter_rows():
        found.setdefault(date, {})[name, size] = lines
    return found


def holds_withdrawn(
    session: Session, dataset: Dataset, date: datetime.date, accepted: BadLines
) -> bool:
    """Whether tables hold rows or lines of files of the drop that have been taken back since.

    A name tells nothing where another file lies under it now, as one that was put there by hand.
    """
    gone = {(f.name, f.size) for f in session.landing.withdrawn_files(dataset.name, date)}
    if gone & accepted.keys():
        return True
    names = {name for name, _ in gone}
    names -= {file.name for file in session.landing.drop(dataset.name, date)}
    return bool(names) and any(
        names.intersection(
            session.lake.scan(table).filter(drop_date=date).select("file").collect()["file"]
        )
        for table in _tables_of(dataset)
        if session.lake.exists(table)
    )


def _tables_of(dataset: Dataset) -> tuple[str, str]:
    """Of accepted rows and of rejected lines."""
    return dataset.name, quarantine_of(dataset.name)
