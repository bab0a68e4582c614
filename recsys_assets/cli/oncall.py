"""Commands for whoever is on call: what is wrong, is the machinery alive, send what waits."""

import sqlite3
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.deployment import Deployment, naming_variables
from recsys_assets.resources.alerts import AlertDeliveryError, DeliveryLedger, Notifier
from recsys_assets.resources.alerts.channels import MEND_LEDGER

app = typer.Typer()


@app.command("health")
def health_command(
    tell: Annotated[bool, typer.Option(help="Send alerts about what is wrong.")] = False,
    location: Annotated[bool, typer.Option(help="Try whether the definitions load.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Look whether daemon, sensors, schedules and definitions are alive; exit code 1 if not.

    Run it from outside of Dagster, e.g. by cron every five minutes: nothing inside can tell that
    all of it is dead.

    Example: recsys health --tell
    """
    from recsys_assets.automation.health import look_at_location
    from recsys_assets.automation.records import look_at_records

    where, now = deployment(), datetime.now(UTC)
    found = look_at_records(now, where.home.root)
    if location:
        found.add(look_at_location(now))
    rows = [
        {"what": a.title, "since": a.since_text, "cause": a.cause, "runbook": a.kind}
        for a in found.alerts
    ]
    if as_json:
        print_json({"healthy": not rows, "problems": rows, "alive": sorted(found.works)})
    elif rows:
        print_table("What is wrong (docs/runbook.md has a section for each)", rows)
    else:
        console.print(f"all is well: {', '.join(sorted(found.works))}")
    if tell:
        try:
            found.report(notifier_of(where))
        except AlertDeliveryError as error:
            told = Console(stderr=True)  # what was found may be JSON for programs
            told.print(f"[yellow]{escape(str(error))}[/yellow]", highlight=False)
    if rows:
        raise typer.Exit(1)


@app.command("incidents")
def incidents_command(as_json: JsonOption = False) -> None:
    """List troubles that are not over, also where no channel is set by which people are told.

    Example: recsys incidents
    """
    path = deployment().home.alerts
    try:
        rows = DeliveryLedger(path).open_incidents() if path.is_file() else []
    except sqlite3.DatabaseError as error:
        said = escape(f"{path}: {error}. {MEND_LEDGER}")
        Console(stderr=True).print(f"[red]error:[/red] {said}", highlight=False)
        raise typer.Exit(1) from None
    if as_json:
        print_json(rows)
    elif rows:
        shown = ("title", "severity", "since", "cause", "repeats", "runbook")
        print_table("Open troubles", [{name: row[name] for name in shown} for row in rows])
    else:
        console.print("no trouble is open")


@app.command("redeliver")
def redeliver_command() -> None:
    """Send the alerts that wait because a channel could not take them.

    Example: recsys redeliver
    """
    where = deployment()
    if not where.home.alerts.is_file():
        console.print("nothing waits")
        return
    notifier = notifier_of(where)
    if not notifier.channels:
        console.print("no alert channel is set, so nothing is sent: see docs/operations.md")
        return
    try:
        delivered = notifier.redeliver()
    except AlertDeliveryError as error:
        console.print(f"[red]{escape(str(error))}[/red]", highlight=False)
        raise typer.Exit(1) from None
    console.print(f"delivered: {escape('; '.join(delivered))}" if delivered else "nothing waits")


def notifier_of(where: Deployment) -> Notifier:
    """The notifier of a deployment, its secrets looked up."""
    with naming_variables():
        notifier: Notifier = Notifier(**where.alerts).process_config_and_initialize()
    return notifier
