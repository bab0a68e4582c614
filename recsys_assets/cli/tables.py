"""Commands about tables: status, history, rollback."""

import datetime
import json
from typing import Annotated, Any

import dagster as dg
import typer

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts.files import FILES
from recsys_assets.lake.tables import DROP_DATE, Lake

TableArgument = Annotated[str, typer.Argument(help="Name of a table; `recsys status` lists them.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status")(status_command)
    app.command("history")(history_command)
    app.command("rollback")(rollback_command)


def status_command(as_json: JsonOption = False) -> None:
    """Show every file and every table: lines read, accepted and quarantined; version, rows, checks.

    Example: recsys status --json
    """
    where = deployment()
    lake = where.home.lake
    files, tables = _files(lake), _tables(lake)
    if as_json:
        print_json({"files": files, "tables": tables})
        return
    if not files:
        console.print("nothing is accounted for yet: `recsys generate && recsys run`")
        return
    shown = [{**row, "reasons": _reasons(row["reasons"])} for row in files]
    print_table("Files", shown)
    rows = [
        {"table": name, **{k: v for k, v in table.items() if k != "checks"}}
        | {"checks": _checks_in_words(table["checks"])}
        for name, table in tables.items()
    ]
    print_table("Tables", rows)


def _files(lake: Lake) -> list[dict[str, Any]]:
    if not lake.exists(FILES):
        return []
    rows = lake.scan(FILES).sort("dataset", DROP_DATE, "file").collect()
    return [
        {
            "dataset": row["dataset"],
            "file": row["file"],
            "date": row[DROP_DATE].isoformat(),
            "read": row["read"],
            "accepted": row["accepted"],
            "quarantined": row["quarantined"],
            "rejected": row["rejected"],
            "reasons": json.loads(row["reasons"]),
        }
        for row in rows.iter_rows(named=True)
    ]


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in reasons.items())


def _tables(lake: Lake) -> dict[str, dict[str, Any]]:
    with dg.DagsterInstance.get() as instance:
        checks = _latest_checks(instance)
        return {
            name: {
                "version": lake.version(name),
                "rows": lake.open(name).count(),
                "written": _written(lake, name),
                "checks": checks.get(name, {}),
            }
            for name in lake.names()
        }


def _written(lake: Lake, table: str) -> str:
    milliseconds = lake.open(table).history(1)[0]["timestamp"]
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.isoformat(timespec="seconds")


def _latest_checks(instance: dg.DagsterInstance) -> dict[str, dict[str, str]]:
    """Asset → check → passed, warned or failed, by its latest execution."""
    import warnings

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    from recsys_assets.definitions import defs

    keys = list(defs.resolve_asset_graph().asset_check_keys)
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    checks: dict[str, dict[str, str]] = {}
    for key, record in found.items():
        evaluation = record.evaluation
        state = "not finished"
        if evaluation is not None:
            warned = evaluation.severity == dg.AssetCheckSeverity.WARN
            state = "passed" if evaluation.passed else "warned" if warned else "failed"
        checks.setdefault(key.asset_key.to_user_string(), {})[key.name] = state
    return checks


def _checks_in_words(checks: dict[str, str]) -> str:
    bad = [f"{name} {state}" for name, state in sorted(checks.items()) if state != "passed"]
    good = len(checks) - len(bad)
    return ", ".join(([f"{good} passed"] if good else []) + bad)


def history_command(table: TableArgument, as_json: JsonOption = False) -> None:
    """Show the versions of a table, the newest first.

    Example: recsys history ratings
    """
    entries = deployment().home.lake.history(table)
    rows = [
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
        print_table(table, rows)


def _moment(milliseconds: Any) -> str:
    moment = datetime.datetime.fromtimestamp(int(milliseconds) / 1000, datetime.UTC)
    return moment.isoformat(timespec="seconds")


def rollback_command(
    table: TableArgument,
    to: Annotated[int, typer.Option("--to", help="Version to go back to.", min=0)],
) -> None:
    """Make an old version of a table the newest again; nothing is deleted.

    Example: recsys rollback top_k --to 3
    """
    lake = deployment().home.lake
    try:
        version = lake.roll_back(table, to)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    rows = lake.open(table).count()
    console.print(f"{table}: version {version} holds the {rows:,} rows of version {to}")
