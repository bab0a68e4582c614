"""Files for tests of the validation: placed in the landing zone, validated, looked at."""

import datetime
from pathlib import Path
from typing import Any

import polars as pl

from recsys_assets.contracts.files import FILES, quarantine_of
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.drops import ValidationParams, validate_drops

DAY = datetime.date(2026, 1, 30)
NEXT_DAY = datetime.date(2026, 1, 31)
HEADER = "userId,movieId,rating,timestamp\n"


def place(
    session: Session,
    content: str | bytes,
    name: str = "ratings.csv",
    dataset: str = "ratings",
    date: datetime.date = DAY,
) -> Path:
    """Put a file into the landing zone by hand."""
    path = session.landing.landing / dataset / date.isoformat() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def validate(
    session: Session, *dates: datetime.date, dataset: str = "ratings", **params: Any
) -> StepReport:
    """Validate drops; today's law holds after every single one of them."""
    chosen = ValidationParams(dataset=dataset, dates=list(dates or (DAY,)), **params)
    report = validate_drops(session, chosen)
    if session.lake.exists(FILES):
        for row in files(session, dataset).iter_rows(named=True):
            assert row["read"] == row["accepted"] + row["quarantined"], row
    return report


def rows(session: Session, table: str = "ratings") -> pl.DataFrame:
    """A table without its lineage columns."""
    return session.lake.scan(table).drop("drop_date", "file", strict=False).collect()


def files(session: Session, dataset: str = "ratings") -> pl.DataFrame:
    """The account of files of a data set."""
    return session.lake.scan(FILES).filter(dataset=dataset).sort("drop_date", "file").collect()


def quarantine(session: Session, dataset: str = "ratings") -> list[tuple[str, int, str, list[str]]]:
    """File, line, text and rules of every line set apart."""
    table = quarantine_of(dataset)
    if not session.lake.exists(table):
        return []
    lines = session.lake.scan(table).sort("drop_date", "file", "line").collect()
    return lines.select("file", "line", "raw", "rules").rows()


def ratings(count: int, user: int = 1) -> list[str]:
    """Distinct good lines of ratings.csv."""
    return [f"{user},{item},3.5,{1_112_486_000 + item}" for item in range(1, count + 1)]


def csv_of(lines: list[str]) -> str:
    """Lines below the header of ratings.csv."""
    return HEADER + "".join(f"{line}\n" for line in lines)
