"""What the on-call person asks first: was anything lost, and what do users see meanwhile."""

import json
from collections import Counter
from collections.abc import Sequence

import polars as pl

from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import quarantine_of
from recsys_assets.contracts.recommendations import POPULAR_MOVIES, TOP_K
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.damage import UNREADABLE, find_damage
from recsys_assets.lake.tables import DROP_DATE, Lake

SERVED = (TOP_K, POPULAR_MOVIES)
"""Tables that users see."""


Spans = Sequence[tuple[str, str]]
"""First and last date of every unbroken span of drops."""


def served_facts(lake: Lake, drops: Spans = ()) -> dict[str, str]:
    """Facts for an alert; where the lake cannot be read, that is the fact.

    Args:
        lake: the tables.
        drops: those of the run.
    """
    try:
        return {
            "lines lost": _lost(lake),
            "lines quarantined": _quarantined(lake, drops),
            "still served": "; ".join(_standing(lake, table) for table in SERVED),
        }
    except UNREADABLE as error:  # a damaged lake is a reason for alerts, not for silence
        return {"still served": f"the tables cannot be read: {type(error).__name__}: {error}"}


def damage_facts(kind: str, lake: Lake) -> dict[str, str]:
    """What is damaged, for an alert that says that something is."""
    if kind != "table-damaged":
        return {}
    try:
        return {"damaged": "; ".join(find_damage(lake)) or "nothing any more"}
    except UNREADABLE as error:  # an alert without this fact is better than none
        return {"damaged": f"the tables cannot be looked at: {type(error).__name__}: {error}"}


def quarantine_assets(lake: Lake, drops: Spans) -> list[str]:
    """Assets that hold the quarantined lines of some drops; of all where none are given."""
    try:
        files = _files(lake, drops)
        named = files.filter(pl.col("quarantined") > 0)["dataset"].unique().sort()
        return [quarantine_of(dataset) for dataset in named if dataset in DATASETS]
    except UNREADABLE:  # a link less, not an alert less
        return []


def _files(lake: Lake, drops: Spans) -> pl.DataFrame:
    files, date = account_of_files(lake), pl.col(DROP_DATE).cast(pl.String)
    if within := [date.is_between(pl.lit(first), pl.lit(last)) for first, last in drops if first]:
        files = files.filter(pl.any_horizontal(within))
    return files


def _lost(lake: Lake) -> str:
    files = _files(lake, ())
    if files.is_empty():
        return "none: nothing has been read yet"
    read, accepted, apart = (int(files[n].sum()) for n in ("read", "accepted", "quarantined"))
    return f"{read - accepted - apart:,} of {read:,} read; landed files stay as they came"


def _quarantined(lake: Lake, drops: Spans) -> str:
    if not any(first for first, _ in drops):
        return "none by this run: it validates no files"
    files = _files(lake, drops)
    if files.is_empty():
        return "none yet: the drops of this run are not accounted for"
    rules: Counter[str] = Counter()
    for reasons in files["reasons"]:
        rules.update(json.loads(reasons))
    share = f"{int(files['quarantined'].sum()):,} of {int(files['read'].sum()):,}"
    worst = ", ".join(f"{rule} {count:,}" for rule, count in rules.most_common(4))
    return f"{share}{': ' + worst if worst else ''}"


def _standing(lake: Lake, table: str) -> str:
    if not lake.exists(table):
        return f"no {table} yet"
    return f"{table} of {lake.written(table):%Y-%m-%d %H:%M} UTC (version {lake.version(table)})"
