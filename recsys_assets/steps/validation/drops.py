"""Landed files of some drops become rows of a validated table; what is bad is kept apart.

    landing/<dataset>/<date>/* -> <dataset>             accepted rows, a partition per drop date
                               -> quarantine_<dataset>  rejected lines: file, line, text, rules
                               -> rejected/…            copies of files rejected as a whole
                               -> files                 one row per file: lines read = accepted
                                                        + quarantined

Rejected lines are written before accepted rows and the account of the files last, so that a run
that dies in between loses nothing and is simply repeated. Repeating a drop replaces its rows.
"""

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pydantic import Field

from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import FILES, Files, quarantine_of
from recsys_assets.contracts.schema import arrow_schema, polars_schema
from recsys_assets.kernels.delimited import ShapeFault
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.store import remove_tree
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import CONCERNED, DropReport, StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.accounts import FileAccount, reject_empty_drop
from recsys_assets.steps.validation.before import (
    BadLines,
    accepted_before,
    holds_withdrawn,
    is_withdrawn,
)
from recsys_assets.steps.validation.blocks import cut_into_chunks, validate_chunk
from recsys_assets.steps.validation.duplicates import write_without_doubles
from recsys_assets.steps.workers import map_items

_MAX_BAD_SHARE = 0.2


class ValidationParams(StepParams):
    """What to validate, and how strictly."""

    dataset: str
    """Name of the data set: ratings, movies or clicks."""
    dates: list[datetime.date]
    """Drop dates; those without landed files are passed over."""
    max_bad_share: float | None = Field(default=None, ge=0, le=1)
    """A file with a greater share of bad lines, and more than a few, is rejected as a whole;
    duplicates count as good: they are well-formed. A fifth where it is None, and of a file that was
    accepted before as many as then: with a share that a person had set for that run."""
    chunk_bytes: int = Field(default=16 << 20, gt=0)
    """Bytes of a file that one task reads at once."""


def validate_drops(session: Session, params: ValidationParams) -> StepReport:
    """Validate every drop of the given dates; see the module for what goes where."""
    dataset = DATASETS[params.dataset]
    report = StepReport()
    staging = session.lake.staging(f"validate-{dataset.name}")
    drops = {
        date: [_open_account(session, dataset, file, staging, params) for file in files]
        for date in sorted(set(params.dates))
        if (files := session.landing.drop(dataset.name, date))
        or is_withdrawn(session, dataset, date)
    }
    _validate(session, [account for accounts in drops.values() for account in accounts])
    known = accepted_before(session, dataset)
    for date, accounts in drops.items():
        accepted = known.get(date, {})
        _settle(session, dataset, accounts, params.max_bad_share, accepted)
        emptied = not _kept(accounts) and holds_withdrawn(session, dataset, date, accepted)
        _commit(session, dataset, date, accounts, emptied)
        _describe(report, date, accounts, emptied)
    remove_tree(staging)
    if not drops and not session.lake.exists(dataset.name):
        days = ", ".join(d.isoformat() for d in params.dates[:3])
        report.skipped = f"no {dataset.name} file landed for {days}: see `recsys land --help`"
    else:
        _count_tables(session, dataset, report)
    return report


def _kept(accounts: list[FileAccount]) -> list[FileAccount]:
    """Those of a drop's files that are not rejected as a whole."""
    return [account for account in accounts if not account.fault]


def _open_account(
    session: Session, dataset: Dataset, file: LandedFile, staging: Path, params: ValidationParams
) -> FileAccount:
    account = FileAccount(file)
    folder = session.lake.folder(dataset.name, file.date)
    try:
        account.chunks = cut_into_chunks(file.path, dataset, folder, staging, params.chunk_bytes)
    except ShapeFault as fault:
        account.reject(fault)
    return account


def _validate(session: Session, accounts: list[FileAccount]) -> None:
    """Validate the chunks of all accounts in one Spark job and book the outcomes."""
    owners = [(account, n) for account in accounts for n in range(len(account.chunks))]
    chunks = [account.chunks[n] for account, n in owners]
    for account in accounts:
        account.blocks = [[] for _ in account.chunks]
    for item, outcome in map_items(session.spark, chunks, validate_chunk):
        account, n = owners[item]
        account.blocks[n].append(outcome)


def _settle(
    session: Session,
    dataset: Dataset,
    accounts: list[FileAccount],
    max_bad_share: float | None,
    accepted: BadLines,
) -> None:
    """Decide what is kept of a drop, take away what is not, write what waited for that."""
    before = accepted if max_bad_share is None else {}
    share = _MAX_BAD_SHARE if max_bad_share is None else max_bad_share
    for account in accounts:
        account.judge(share, before.get((account.file.name, account.size), 0))
        if account.fault:
            for _, _, part in account.parts():
                part.path.unlink()
    reject_empty_drop(_kept(accounts))
    if dataset.key:
        write_without_doubles(session, dataset, _kept(accounts))


def _commit(
    session: Session,
    dataset: Dataset,
    date: datetime.date,
    accounts: list[FileAccount],
    emptied: bool,
) -> None:
    """Write what became of a drop; rejected lines first, the account of the files last.

    A drop of nothing but rejected files leaves the tables as they are, unless it is ``emptied``.
    """
    for file in session.landing.withdrawn_files(dataset.name, date):
        session.landing.pardon(file)
    for account in accounts:
        if account.fault:
            session.landing.reject(account.file, account.rejection())
        else:
            session.landing.pardon(account.file)
    kept = _kept(accounts)
    if kept or not accounts or emptied:
        _commit_quarantine(session, dataset, date, kept)
        schema = arrow_schema(dataset.model).append(pa.field("file", pa.string()))
        parts = [part for account in kept for _, _, part in account.parts()]
        session.lake.replace_drop(dataset.name, date, parts, schema, f"run {session.run_id}")
    ledger = pl.DataFrame([account.entry() for account in accounts], polars_schema(Files))
    session.lake.write_frame(ledger, FILES, {"dataset": dataset.name, DROP_DATE: date.isoformat()})


def _commit_quarantine(
    session: Session, dataset: Dataset, date: datetime.date, accounts: list[FileAccount]
) -> None:
    table, day = quarantine_of(dataset.name), {DROP_DATE: date.isoformat()}
    frames = [
        account.rejected().select(
            pl.lit(date).alias(DROP_DATE),
            pl.lit(account.file.name).alias("file"),
            "line",
            "raw",
            "rules",
            pl.lit(session.run_id).alias("run_id"),
        )
        for account in accounts
    ]
    if any(len(frame) for frame in frames):
        session.lake.write_frame(pl.concat(frames), table, day)
    elif session.lake.exists(table):
        session.lake.delete(table, day)


def _count_tables(session: Session, dataset: Dataset, report: StepReport) -> None:
    for table in (dataset.name, quarantine_of(dataset.name), FILES):
        if session.lake.exists(table):
            delta = session.lake.open(table)
            report.versions[table] = int(delta.version())
            report.rows[table] = delta.count()


def _describe(
    report: StepReport, date: datetime.date, accounts: list[FileAccount], emptied: bool
) -> None:
    """Add one drop to the report; a drop of nothing but rejected files fails the step."""
    figures = {
        "files": len(accounts),
        "files_rejected": sum(account.fault is not None for account in accounts),
        "read": sum(account.lines for account in accounts),
        "accepted": sum(account.accepted for account in accounts),
        "quarantined": sum(account.quarantined for account in accounts),
    }
    shown = ("file", "form", "read", "accepted", "quarantined", "rejected", "reasons", "message")
    files: list[dict[str, Any]] = [
        {DROP_DATE: date.isoformat(), **{name: entry[name] for name in shown}}
        for entry in (account.entry() for account in accounts)
    ]
    report.drops[date.isoformat()] = DropReport(figures=figures, files=files)
    if accounts and all(account.fault for account in accounts):
        faults = "; ".join(f"{a.file.name}: {a.fault}" for a in accounts)
        before = report.figures.get(CONCERNED)
        report.figures[CONCERNED] = f"{before},{date}" if before else date.isoformat()
        what = "what was withdrawn has left its table" if emptied else "its table stays as it was"
        report.failed += (
            f"Every file of the {date} drop was rejected, so {what}. {faults}. "
            "Correct the files and land them again. "
        )
