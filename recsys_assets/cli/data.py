"""Commands that bring data in: generate, land, fetch."""

import datetime
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from recsys_assets.cli.landed import (
    describe,
    tables_may_be_closed,
    tell_of_those_landed_since,
    tell_of_those_read_later,
)
from recsys_assets.cli.shared import (
    DatasetArgument,
    check_dataset,
    check_output,
    console,
    deployment,
    parse_date,
)
from recsys_assets.datasets import DATASETS, fetch_dataset

app = typer.Typer()

DateOption = Annotated[
    str | None, typer.Option("--date", help="Drop date YYYY-MM-DD; today (UTC) if not given.")
]


@app.command("generate")
def generate_command(
    users: Annotated[int, typer.Option(help="Users who rate.", min=1)] = 600,
    movies: Annotated[int, typer.Option(help="Movies of the catalogue.", min=1)] = 800,
    ratings: Annotated[int, typer.Option(help="Ratings in all.", min=1)] = 40_000,
    clicks: Annotated[int, typer.Option(help="Ad impressions in all; 0 for none.", min=0)] = 30_000,
    drops: Annotated[int, typer.Option(help="Days over which the files drop.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.", min=0)] = 42,
    last_day: Annotated[
        str, typer.Option(help="Drop date of the last file, YYYY-MM-DD.")
    ] = "2026-01-31",
    out: Annotated[
        Path | None, typer.Option(help="Write the files to this folder instead of landing them.")
    ] = None,
) -> None:
    """Generate data of any size from a seed, and land it.

    Example: recsys generate --ratings 1000000 --users 6040 --movies 3883 --clicks 0
    """
    # Imported late: a tenth of the time that every other command would take to start.
    from recsys_assets.synthetic.files import write_clicks, write_movielens
    from recsys_assets.synthetic.movielens import MovieLensSize

    try:
        size = MovieLensSize(users=users, movies=movies, ratings=ratings)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(e["msg"] for e in error.errors())) from error
    most = min(size.days, clicks or size.days)
    if drops > most:
        raise typer.BadParameter(f"{drops} drops asked for, but this data fills 1 to {most}")
    last = parse_date(last_day)
    parse_date((last - datetime.timedelta(days=drops - 1)).isoformat())
    check_output(out / "movies.csv" if out else None)
    zone = deployment().home.landing_zone
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console)
    step = partial(bar.advance, bar.add_task("generate", total=ratings + clicks))
    with tempfile.TemporaryDirectory() as scratch, bar:
        folder = out or Path(scratch)
        files = write_movielens(folder, size, seed, last, drops, on_progress=step)
        if clicks:
            files += write_clicks(folder, clicks, seed, last, drops, on_progress=step)
        if out is None:
            landed = [zone.land(file.path, file.dataset, file.date) for file in files]
    if out is not None:
        console.print(f"wrote {len(files)} files to {out}")
        return
    new = [file for file in landed if not file.known]
    console.print(f"landed {len(new)} new files of {len(landed)} in {zone.landing}")


@app.command("land")
def land_command(
    dataset: DatasetArgument,
    files: Annotated[list[Path], typer.Argument(help="Files to land.")],
    date: DateOption = None,
) -> None:
    """Copy files into the landing zone under their drop date.

    Any published form is known: MovieLens ratings.csv, u.data, ratings.dat and their movie
    counterparts, Criteo TSV; plain or gzip. The same content is never landed twice, but for movies
    and offers that a later drop has replaced and that come back, and what was rejected on another
    day. An upload to Azure that broke off goes on where it ended when the command is given again.

    Example: recsys land ratings ml-latest-small/ratings.csv --date 2026-01-31
    """
    check_dataset(dataset)
    day = parse_date(date)
    home = deployment().home
    zone, new = home.landing_zone, set()
    for path in files:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(escape(path.name), total=None)

            def show(done: int, total: int, bar: Progress = bar, task: TaskID = task) -> None:
                bar.update(task, completed=done, total=total)

            landed = zone.land(path, dataset, day, show)
        console.print(describe(path, landed, day), highlight=False)
        if landed.known:
            with tables_may_be_closed():
                tell_of_those_landed_since(home.lake, zone, landed)
        else:
            new.add(landed.name)
    with tables_may_be_closed():
        tell_of_those_read_later(home.lake, new, zone.drop(dataset, day))


@app.command("fetch")
def fetch_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.")],
    date: DateOption = None,
    land: Annotated[bool, typer.Option(help="Land the files once they are here.")] = True,
) -> None:
    """Download a public data set from its official address, and land it.

    Downloads resume where they broke off, and are checked against the published checksum.

    Example: recsys fetch ml-latest-small
    """
    if name not in DATASETS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(DATASETS)}")
    day = parse_date(date)
    home = deployment().home
    console.print(f"{DATASETS[name].title}. {DATASETS[name].licence}", highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        paths = fetch_dataset(DATASETS[name], home.cache / "datasets", show)
    for dataset, path in zip(DATASETS[name].members, paths, strict=True):
        if land:
            console.print(describe(path, home.landing_zone.land(path, dataset, day), day))
        else:
            console.print(str(path))
