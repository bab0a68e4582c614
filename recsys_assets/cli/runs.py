"""The command that runs the graph: a Dagster run, shown line by line.

The run is one of this process; where Dagster is shared, as in the images, its daemon is asked.
"""

import datetime
import re
import warnings
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import dagster as dg
import typer

from recsys_assets.cli.shared import console, deployment, parse_date
from recsys_assets.contracts import DATASETS
from recsys_assets.deployment import Deployment, shares_dagster
from recsys_assets.lake.landing import FIRST_DROP
from recsys_assets.lake.pending import pending_dates, rejected_dates
from recsys_assets.loading import loading_modules
from recsys_assets.resources.ownership import claim
from recsys_assets.resources.run_lock import alone

if TYPE_CHECKING:
    from recsys_assets.automation.asked_runs import AskedRun

app = typer.Typer()

_BARE_NAME = re.compile(r"^(\d*\+)?([\w/]+)(\+\d*)?$")
"""An asset's name with what is before or after it; Dagster takes only the neighbours of such a
name, and all that follows where it is told that the name is a key."""
_ENDS = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.CANCELED: "was canceled",
}
"""How a run ended, in words; any other way it failed."""


@app.command("run")
def run_command(
    select: Annotated[
        str | None,
        typer.Option(help="Assets to run, by comma; als_model+ means it and all that follows."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First drop date to validate.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last drop date to validate.")] = None,
) -> None:
    """Run the whole graph, or a part of it, as a Dagster run that shows in the UI.

    Drops that have landed and are not accounted for yet are validated; where there are none, the
    latest drop is validated again, which changes nothing. Those that lie more than a month before
    the others have runs of their own. --from and --to choose drops by date.

    Example: recsys run --select 'als_model+'
    """
    for kind in (dg.BetaWarning, dg.PreviewWarning):
        warnings.filterwarnings("ignore", category=kind)
    where = deployment()
    dates = _dates(where, first, last)
    by_daemon = shares_dagster(where)
    if not by_daemon:
        claim(where.home)
        where.compute().open_ahead()
    with loading_modules():
        from recsys_assets.definitions import build_definitions
    defs = build_definitions(where)
    for wanted in _wanted(defs, select, dates, whole_range=bool(first or last)):
        run_id, status = _ask(where, wanted) if by_daemon else _run(where, defs, wanted)
        console.print(f"run {run_id}: {_ENDS.get(status, 'FAILED')}")
        if status is not dg.DagsterRunStatus.SUCCESS:
            break
    console.print("see [bold]recsys status[/bold], or the run's page in the UI")
    if status is not dg.DagsterRunStatus.SUCCESS:
        raise typer.Exit(1)


def _wanted(
    defs: dg.Definitions, select: str | None, dates: list[datetime.date], whole_range: bool
) -> list["AskedRun"]:
    """The runs that do it, in turn: one, after others that validate drops that lie far before."""
    from recsys_assets.assets.partitions import drop_tags, range_tags, stretches
    from recsys_assets.automation.asked_runs import AskedRun

    job, keys = _job_of(defs, selected_assets(defs, select))
    assets = None if keys is None else [key.to_user_string() for key in keys]
    if whole_range:
        return [AskedRun(job=job, assets=assets, tags=range_tags(dates))]
    *before, last = stretches(dates)
    validated = defs.resolve_job_def("ingest").asset_layer.executable_asset_keys
    chosen = sorted(key.to_user_string() for key in validated if keys is None or key in keys)
    return [
        *(AskedRun(job="ingest", assets=chosen, tags=drop_tags(d)) for d in before if chosen),
        AskedRun(job=job, assets=assets, tags=drop_tags(last)),
    ]


def _run(
    where: Deployment, defs: dg.Definitions, wanted: "AskedRun"
) -> tuple[str, dg.DagsterRunStatus]:
    """Run what is wanted in this process; the run's id, and how it ended."""
    from recsys_assets.automation.console import at_terminal, quiet_dagster
    from recsys_assets.automation.dead_runs import close_dead_runs
    from recsys_assets.automation.own_runs import hand_to_dagster, tags_of_this_process

    quiet_dagster()
    run_id = str(uuid4())
    with alone(where.home.root), dg.DagsterInstance.get() as instance, at_terminal():
        close_dead_runs(instance, where.home.root)
        try:
            result = defs.resolve_job_def(wanted.job).execute_in_process(
                instance=instance,
                tags=wanted.tags | tags_of_this_process(),
                asset_selection=wanted.keys,
                raise_on_error=False,
                run_id=run_id,
                run_config={"loggers": {"console": {}}},
            )
        finally:
            hand_to_dagster(instance, run_id)
    return run_id, dg.DagsterRunStatus.SUCCESS if result.success else dg.DagsterRunStatus.FAILURE


def _ask(where: Deployment, wanted: "AskedRun") -> tuple[str, dg.DagsterRunStatus]:
    """Have a daemon run what is wanted; the run's id, and how it ended.

    A shared Dagster knows only runs that it launches itself: it would fail one of this process
    while it works, or let one that was killed hold its queue.
    """
    from recsys_assets.checks import CHECKS
    from recsys_assets.cli.asked import run_by_daemon

    run = run_by_daemon(where.home, wanted, {check.node_def.name for check in CHECKS})
    return run.run_id, run.status


def _dates(where: Deployment, first: str | None, last: str | None) -> list[datetime.date]:
    """Dates of the drops to validate.

    Raises:
        typer.BadParameter: nothing has landed, or a date is none.
    """
    zone = where.home.landing_zone
    dates = sorted({date for name in DATASETS for date in zone.dates(name)})
    landed = [date for date in dates if FIRST_DROP <= date <= parse_date(None)]
    for date in set(dates) - set(landed):
        console.print(
            f"left out: the drop of {date}, which is not between {FIRST_DROP} and today; "
            f"move its folder in {zone.landing}"
        )
    if not landed:
        raise typer.BadParameter(
            "nothing has landed yet: `recsys generate`, `recsys fetch ml-latest-small` "
            "or `recsys land ratings FILE`"
        )
    if first or last:
        start, end = parse_date(first) if first else landed[0], parse_date(last)
        if start > end:
            raise typer.BadParameter(
                f"--from {start} is after --to {end}"
                if first
                else f"nothing has landed until {end}: the first drop is {start}"
            )
        return [start, end]
    lake = where.home.lake
    pending = [date for date in pending_dates(lake, zone, list(DATASETS)) if date in landed]
    # Where nothing waits, the newest good drop stands for all; a rejected one would fail again.
    settled = set(landed) - rejected_dates(lake)
    return pending or sorted(settled)[-1:] or landed[-1:]


def selected_assets(defs: dg.Definitions, select: str | None) -> list[dg.AssetKey] | None:
    """Keys of a selection such as ``ratings,als_model+``; None where there is none.

    Raises:
        typer.BadParameter: a part of it names no asset.
    """
    if select is None:
        return None
    graph = defs.resolve_asset_graph()
    keys: set[dg.AssetKey] = set()
    for part in (part.strip() for part in select.split(",")):
        try:
            chosen = dg.AssetSelection.from_string(_BARE_NAME.sub(r'\1key:"\2"\3', part))
            # What is made by one function is made together: a table, and what is set apart from it.
            found = chosen.required_multi_asset_neighbors().resolve(graph)
        except Exception as error:  # Dagster raises many kinds of errors for a bad selection.
            raise typer.BadParameter(f"--select {part!r}: {error}") from error
        if not found:
            raise typer.BadParameter(f"--select {part!r} names no asset")
        keys |= found
    return sorted(keys)


def _job_of(
    defs: dg.Definitions, keys: list[dg.AssetKey] | None
) -> tuple[str, list[dg.AssetKey] | None]:
    """The job of a selection: what is made weekly runs when it is asked for and nothing else is."""
    if keys is None:
        return "main", None
    daily = defs.resolve_job_def("main").asset_layer.executable_asset_keys
    others = [key for key in keys if key in daily]
    weekly = ",".join(key.to_user_string() for key in keys if key not in daily)
    if others and weekly:
        console.print(f"left out, for it is made weekly: recsys run --select {weekly}")
    return ("main", others) if others else ("weekly", keys)
