"""Commands that mend: withdraw a bad drop, roll a table back, back databases up and restore."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import dagster as dg
import typer
from rich.text import Text

from recsys_assets.backup import MANIFEST, back_up, restore
from recsys_assets.cli.runs import run_command
from recsys_assets.cli.shared import (
    DatasetArgument,
    check_dataset,
    check_output,
    console,
    deployment,
    parse_date,
)
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import quarantine_of
from recsys_assets.contracts.subscribers import SUBSCRIBERS
from recsys_assets.deployment import shares_dagster
from recsys_assets.lake.rollbacks import roll_back
from recsys_assets.lake.tidying import tidy_tables
from recsys_assets.lake.withdrawals import reinstate, withdraw
from recsys_assets.registry.tidying import forget_models
from recsys_assets.resources.alerts.message import without_controls
from recsys_assets.resources.ownership import claim
from recsys_assets.resources.run_lock import alone

app = typer.Typer()


@app.command("withdraw")
def withdraw_command(
    dataset: DatasetArgument,
    date: Annotated[str, typer.Argument(help="Drop date YYYY-MM-DD.")],
    undo: Annotated[bool, typer.Option("--undo", help="Put a withdrawn drop back.")] = False,
    file: Annotated[
        str | None,
        typer.Option(
            help="Only this file of the drop, as a rejected one that was corrected since."
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option(help="Run what depends on the drop; else the next runs do.")
    ] = True,
) -> None:
    """Take a bad drop back, and rebuild everything that was made from it.

    Its files are moved out of the landing zone, not deleted; --undo brings back those that were
    withdrawn last. Its rows leave the table, and features, models and recommendations are made anew
    without them.

    Example: recsys withdraw ratings 2026-01-31
    """
    check_dataset(dataset)
    if undo and file is not None:
        raise typer.BadParameter("--undo puts back all that was withdrawn last: leave out --file")
    where, day = deployment(), parse_date(date)
    zone = where.home.landing_zone
    claim(where.home)
    with ExitStack() as held:
        held.enter_context(alone(where.home.root))
        moved = reinstate(zone, dataset, day) if undo else withdraw(zone, dataset, day, file)
        done = "put back" if undo else "withdrawn"
        names = without_controls(", ".join(moved))
        console.print(Text(f"{len(moved)} files {done}: {names}"))  # no markup, as in a cell
        if not rebuild:
            console.print(f"to rebuild: recsys run --from {day} --to {day}", highlight=False)
            return
        # Held until the rebuild has ended: the landing sensor sees the drop change, and a run that
        # it starts before would have the rebuild refused. A daemon's own rebuild needs it free.
        if shares_dagster(where):
            held.close()
        run_command(select=f"{dataset}+,{quarantine_of(dataset)}", first=str(day), last=str(day))


@app.command("rollback")
def rollback_command(
    table: Annotated[str, typer.Argument(help="Name of a table; `recsys status` lists them.")],
    to: Annotated[int, typer.Option("--to", help="Version to go back to.", min=0)],
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Run what is made from the table, too.")
    ] = False,
) -> None:
    """Make an old version of a table the newest again; nothing is deleted.

    Whoever reads the table sees the old rows at once. Tables made from it follow with --rebuild,
    or with the next run. Ratings, movies and clicks are what has landed: the next run validates
    again what a rollback took from them; `recsys withdraw` takes a drop back for good.

    Example: recsys rollback top_k --to 3
    """
    where = deployment()
    lake = where.home.lake
    tables = {name: held for held in DATASETS for name in (held, quarantine_of(held))}
    if table == SUBSCRIBERS and lake.exists(table) and lake.holds(table, lake.version(table)):
        raise typer.BadParameter(
            "rows of subscribers are only ever added: an older version would mail those again who "
            "have unsubscribed since; see `recsys subscribers --help`"
        )
    claim(where.home)
    with alone(where.home.root):
        try:
            version = roll_back(lake, where.home.landing_zone, table, to, tables.get(table))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    rows = lake.open(table).count()
    said = f"{table}: version {version} holds the {rows:,} rows of version {to}"
    console.print(said)
    _show_in_ui(dg.AssetKey(table), said, {"dagster/row_count": rows, "delta_version": version})
    if rebuild:
        run_command(select=_downstream_of(table))


def _show_in_ui(key: dg.AssetKey, said: str, figures: dict[str, int]) -> None:
    """Note what an asset holds now beside what its last run wrote, which its page goes on showing.

    As an observation: the table is as old as its rows are, and its freshness must not begin anew.
    """
    with dg.DagsterInstance.get() as instance:
        if instance.has_asset_key(key):
            instance.report_runless_asset_event(
                dg.AssetObservation(key, description=said, metadata=figures)
            )


def _downstream_of(table: str) -> str:
    """A selection of what is made from a table, as `recsys run --select` takes it."""
    from recsys_assets.assets.steps import CONTRACTS
    from recsys_assets.definitions import defs

    graph = defs.resolve_asset_graph()
    keys = {dg.AssetKey(name) for name, (held, _) in CONTRACTS.items() if held == table}
    keys = keys or {dg.AssetKey(table)}
    if not keys <= graph.get_all_asset_keys():
        raise typer.BadParameter(f"no asset is called {table}: name what follows with recsys run")
    below = dg.AssetSelection.assets(*keys).downstream(include_self=False)
    names = sorted(found.to_user_string() for found in below.resolve(graph))
    if not names:
        console.print(f"nothing is made from {table}")
        raise typer.Exit(0)
    return ",".join(names)


@app.command("tidy")
def tidy_command(
    days: Annotated[
        int, typer.Option(help="Days for which versions of tables and models are kept.", min=0)
    ] = 30,
) -> None:
    """Remove table files that no version of the last days holds, those of killed runs, old models.

    Models in use stay, and the champion before. The weekly job does the same, and removes old runs
    and alerts; this is for a disk that is full now.

    Example: recsys tidy
    """
    where = deployment()
    claim(where.home)
    with alone(where.home.root):
        removed = tidy_tables(where.home.lake, days)
        models = forget_models(where.home.registry, datetime.now(UTC) - timedelta(days=days))
    for name, count in removed.items():
        if count:
            console.print(f"{name}: {count} files removed")
    console.print(f"{sum(removed.values())} files removed in all")
    if models:
        console.print(f"{models} versions of models removed, with their files")


@app.command("backup")
def backup_command(
    folder: Annotated[Path, typer.Argument(help="New folder for the copies.")],
) -> None:
    """Copy the databases of Dagster, MLflow and the ledgers, while everything runs on.

    Example: recsys backup backups/today
    """
    check_output(folder / MANIFEST)
    copies = back_up(deployment().home, folder)
    console.print(f"{len(copies)} databases copied to {folder}", highlight=False)


@app.command("restore")
def restore_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup.")],
) -> None:
    """Put the databases of a backup in place of those that are there; end the UI first.

    What was there is kept beside, with the suffix .before-restore.

    Example: recsys restore backups/today
    """
    where = deployment()
    paths = restore(where.home, folder)
    console.print(f"{len(paths)} databases restored from {folder}", highlight=False)
    if shares_dagster(where):
        return
    # Imported late: it brings Dagster's storages, which the other commands do without.
    from recsys_assets.automation.dead_runs import close_restored_runs

    with dg.DagsterInstance.get() as instance:
        for run_id in close_restored_runs(instance):
            console.print(
                f"run {run_id} was at work when the backup was made: it counts as failed now",
                highlight=False,
            )
