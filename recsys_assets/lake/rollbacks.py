"""Going back to an old version of a table, so that what has landed since is not forgotten.

Tables of drops hold what has landed. A rollback parts them from the account of files, and the
account cannot always tell: an old version of a drop may have as many rows as the new one.
"""

import datetime

import polars as pl

from recsys_assets.contracts.files import FILES
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.tables import DROP_DATE, Lake


def roll_back(
    lake: Lake, landing: LandingZone, table: str, version: int, dataset: str | None
) -> int:
    """Make an old version of a table the newest again; the number of the version this makes.

    Args:
        lake: the tables.
        landing: the landed files.
        table: name of the table.
        version: to go back to.
        dataset: whose accepted rows or rejected lines the table holds; None if it is another.
            The accounts of drops of which the versions differ are struck out: they wait then, and
            the next run validates them again.

    Raises:
        ValueError: there is no such version, or its files have been tidied away.
    """
    before = _files_by_drop(lake, table) if dataset else {}
    newest = restore_version(lake, table, version)
    after = _files_by_drop(lake, table) if dataset else {}
    for date in before.keys() | after.keys():
        if dataset and before.get(date) != after.get(date):
            _strike_out(lake, landing, dataset, date)
    return newest


def restore_version(lake: Lake, table: str, version: int) -> int:
    """Make an old version of a table the newest again, whatever it holds; the new one's number.

    Raises:
        ValueError: there is no such version, or its files have been tidied away.
    """
    delta = lake.open(table)
    newest = int(delta.version())
    if not 0 <= version <= newest:
        raise ValueError(f"{table} has versions 0 to {newest}, not {version}")
    if version == newest:  # which delta-rs refuses
        return newest
    try:
        delta.restore(version)
    except Exception as error:
        if lake.holds(table, version):
            raise
        raise ValueError(
            f"version {version} of {table} has been tidied away; "
            f"see `recsys history {table}` for a later one"
        ) from error
    return lake.version(table)


def _files_by_drop(lake: Lake, table: str) -> dict[datetime.date, set[str]]:
    actions = pl.DataFrame(lake.open(table).get_add_actions(flatten=True))
    day = pl.col(f"partition.{DROP_DATE}").cast(pl.Date)
    return {date: set(paths) for date, paths in actions.group_by(day).agg("path").iter_rows()}


def _strike_out(lake: Lake, landing: LandingZone, dataset: str, date: datetime.date) -> None:
    """Remove the account of a drop that can be validated again."""
    if not lake.exists(FILES) or not landing.drop(dataset, date):
        return
    account = lake.scan(FILES).filter(dataset=dataset, drop_date=date).collect()
    # Of a drop of nothing but rejected files a run leaves the table as it is, and fails again.
    if not account["rejected"].all():
        lake.delete(FILES, {"dataset": dataset, DROP_DATE: date.isoformat()})
