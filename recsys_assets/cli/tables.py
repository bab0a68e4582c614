"""Commands about tables: status, history."""

import datetime
import json
from typing import Annotated, Any

import dagster as dg
import polars as pl
import typer

from recsys_assets.cli.check_results import in_words, latest_checks
from recsys_assets.cli.model_figures import models_in_use
from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import FILES
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.pending import pending_dates, waiting_drops
from recsys_assets.lake.tables import DROP_DATE, Lake

app = typer.Typer()

_DROPS_SHOWN = 20

TableArgument = Annotated[str, typer.Argument(help="Name of a table; `recsys status` lists them.")]


@app.command("status")
def status_command(as_json: JsonOption = False) -> None:
    """Show files, tables and models: lines read, accepted and quarantined; rows, checks; metrics.

    Example: recsys status --json
    """
    where = deployment()
    lake = where.home.lake
    files, tables = _files(lake), _tables(lake)
    models = models_in_use(lake, where.home.registry)
    if as_json:
        told = [{name: row[name] for name in row if name != "message"} for row in files]
        print_json({"files": told, "tables": tables, "models": models})
        return
    if not files:
        console.print(_how_to_begin(lake, where.home.landing_zone), highlight=False)
    else:
        _print_drops(files)
        _print_waiting(lake, where.home.landing_zone)
        _print_bad_files(files)
    rows = [
        {
            "table": name,
            "version": table["version"],
            "rows": table["rows"],
            "written": table["written"][:16].replace("T", " "),
            "checks": in_words(table["checks"]),
        }
        for name, table in tables.items()
    ]
    if rows:  # also where no file is: a rollback strikes accounts out, and a withdrawal ends them
        print_table("Tables (written: UTC)", rows, no_wrap=("table", "written"))
    if models:
        print_table(
            "Models (the champion is in use, the challenger is newest)",
            [{"model": name, **model} for name, model in models.items()],
            no_wrap=("model",),
        )


def _how_to_begin(lake: Lake, zone: LandingZone) -> str:
    """What to do where no file is accounted for."""
    if pending_dates(lake, zone, list(DATASETS)):
        return "nothing is accounted for yet: `recsys run`"
    # Generated data beside real data would be ratings of the same users and movies.
    if any(zone.dates(name) for name in DATASETS):
        return (
            "no file is left of what has landed: `recsys withdraw DATASET DATE --undo` puts a drop"
            " back that was withdrawn, `recsys land DATASET FILE` brings another in"
        )
    return "nothing is accounted for yet: `recsys generate && recsys run`"


def _print_drops(files: list[dict[str, Any]]) -> None:
    """One row per drop, the newest last, and their sum."""
    # All rows tell the types: the first hundred may hold no message.
    frame = pl.DataFrame(files, infer_schema_length=None).group_by("dataset", "date")
    counts = [pl.col("read", "accepted", "quarantined").sum(), pl.col("rejected").sum()]
    drops = frame.agg(pl.len().alias("files"), *counts).sort("date", "dataset")
    names = ["files", "read", "accepted", "quarantined", "rejected"]
    total = {"date": "all", "dataset": "", **drops.select(names).sum().row(0, named=True)}
    shown = drops.tail(_DROPS_SHOWN).select("date", "dataset", *names).to_dicts()
    hidden = drops.height - len(shown)
    title = "Drops: files, lines" + (f" ({hidden} earlier ones are only summed)" if hidden else "")
    print_table(title, [*shown, total], no_wrap=("date", "dataset"))


def _print_waiting(lake: Lake, zone: LandingZone) -> None:
    """Drops of which files have landed, changed or been withdrawn since they were validated."""
    dates = waiting_drops(lake, zone, list(DATASETS)).dates
    if dates:
        more = f", and {len(dates) - 3} more" if len(dates) > 3 else ""
        days = ", ".join(str(date) for date in dates[:3]) + more
        console.print(f"landed, changed or withdrawn since the last run: {days}: `recsys run`")


def _print_bad_files(files: list[dict[str, Any]]) -> None:
    """Files of the newest drops with lines that were set apart, and why."""
    bad = [row for row in files if row["quarantined"] or row["rejected"]]
    bad.sort(key=lambda row: row["date"])  # by data set before, the last of which hid all others
    hidden = len(bad[:-_DROPS_SHOWN])
    rows = [
        {
            "file": f"{row['dataset']}/{row['date']}/{row['file']}",
            "apart": "all of it" if row["rejected"] else row["quarantined"],
            "why": ", ".join(f"{rule} {count:,}" for rule, count in row["reasons"].items())
            + (f": {row['message']}" if row["rejected"] else ""),
        }
        for row in bad[-_DROPS_SHOWN:]
    ]
    if rows:
        more = f" ({hidden} earlier files are not shown: --json)" if hidden else ""
        print_table(f"Set apart: recsys quarantine list{more}", rows)


def _files(lake: Lake) -> list[dict[str, Any]]:
    if not lake.exists(FILES):
        return []
    rows = lake.scan(FILES).sort("dataset", DROP_DATE, "file")
    date = pl.col(DROP_DATE).cast(pl.String).alias("date")
    counts = ("read", "accepted", "quarantined", "rejected")
    shown = rows.select("dataset", "file", date, *counts, "reasons", "message").collect()
    return [{**row, "reasons": json.loads(row["reasons"])} for row in shown.iter_rows(named=True)]


def _tables(lake: Lake) -> dict[str, dict[str, Any]]:
    with dg.DagsterInstance.get() as instance:
        checks = latest_checks(instance)
        return {
            name: {
                "version": lake.version(name),
                "rows": lake.open(name).count(),
                "written": lake.written(name).isoformat(timespec="seconds"),
                "checks": checks.get(name, {}),
            }
            for name in lake.names()
        }


@app.command("history")
def history_command(table: TableArgument, as_json: JsonOption = False) -> None:
    """Show the versions of a table, the newest first.

    Example: recsys history ratings
    """
    entries = deployment().home.lake.history(table)
    rows: list[dict[str, Any]] = [
        {
            "version": entry.get("version"),
            "written": _moment(entry.get("timestamp")),
            "operation": entry.get("operation"),
            "note": entry.get("note") or "",
        }
        for entry in entries
    ]
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "written": row["written"][:19].replace("T", " ")} for row in rows]
        print_table(f"{table} (written: UTC)", shown, no_wrap=("version", "written"))


def _moment(milliseconds: Any) -> str:
    moment = datetime.datetime.fromtimestamp(int(milliseconds) / 1000, datetime.UTC)
    return moment.isoformat(timespec="seconds")
