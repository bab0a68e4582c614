"""Commands that bring data in: generate, land, fetch."""

import datetime
import tempfile
from functools import partial
from itertools import dropwhile
from pathlib import Path
from shlex import quote
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

from recsys_assets.cli.shared import (
    DatasetArgument,
    check_dataset,
    check_output,
    console,
    deployment,
    parse_date,
)
from recsys_assets.contracts import DATASETS as CONTRACTS
from recsys_assets.datasets import DATASETS, fetch_dataset
from recsys_assets.kernels.delimited import ShapeFault, recognize_dialect
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.landed_bytes import read_head
from recsys_assets.lake.landing import LandedFile, LandingZone
from recsys_assets.lake.names import place_in_drop
from recsys_assets.lake.tables import Lake

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
    that a later drop has replaced and that come back. An upload to Azure that broke off goes on
    where it ended when the command is given again.

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
            tell_of_those_landed_since(home.lake, zone, landed)
        else:
            new.add(landed.name)
    tell_of_those_read_later(home.lake, new, zone.drop(dataset, day))


def tell_of_those_read_later(lake: Lake, new: set[str], drop: list[LandedFile]) -> None:
    """Say so where older files of the drop, in the order they are read in, win over a new one."""
    later = dropwhile(lambda file: file.name not in new, drop)
    older = [file for file in later if file.name not in new and not _is_rejected(lake, file)]
    if older and CONTRACTS[older[0].dataset].key:
        console.print(
            f"{escape(older[0].name)} of the same drop is read later, by its name: of rows with "
            "one key that are equally old its own is kept; to correct those: recsys withdraw "
            f"{older[0].dataset} {older[0].date} --no-rebuild, then land the files of the drop "
            "again, this one under a name that comes last",
            highlight=False,
        )


def tell_of_those_landed_since(lake: Lake, zone: LandingZone, known: LandedFile) -> None:
    """Say so where rows of what had landed before stay behind those of files that came later.

    Whoever lands a catalogue again that another has replaced may mean to go back to it. Within a
    drop names tell which came later only where they are one name with numbers.
    """
    if not CONTRACTS[known.dataset].is_catalogue:
        return
    named, *_ = place_in_drop(known.path)
    later = dropwhile(lambda file: file.path != known.path, zone.files(known.dataset))
    since = [
        file
        for file in [*later][1:]
        if (file.date > known.date or place_in_drop(file.path)[0] == named)
        and not _is_rejected(lake, file)
    ]
    if since:
        last = since[-1]
        console.print(
            f"{escape(f'{last.dataset}/{last.date}/{last.name}')} came later: of rows with one key "
            "its own hold; to go back to this file land it under a later date, or: "
            f"recsys withdraw {last.dataset} {last.date} --file {escape(quote(last.name))}",
            highlight=False,
        )


def _is_rejected(lake: Lake, file: LandedFile) -> bool:
    """Whether a file was rejected as a whole when it was validated: no row of it is kept."""
    account = account_of_files(lake).filter(
        dataset=file.dataset, drop_date=file.date, file=file.name, size=file.size
    )
    return bool(account["rejected"].any())


def describe(path: Path, landed: LandedFile, day: datetime.date) -> str:
    """What became of a file that was landed for a day, as markup."""
    source, place = escape(str(path)), escape(f"{landed.dataset}/{landed.date}/{landed.name}")
    if landed.known:
        said = f"{source}: the same content has landed before as {place}; nothing copied"
        if landed.date == day:
            return said
        return f"{said}; if that date is wrong: recsys withdraw {landed.dataset} {landed.date}"
    try:
        form = recognize_dialect(read_head(landed.path), CONTRACTS[landed.dataset].dialects).name
    except ShapeFault as fault:
        return (
            f"{source}: landed as {place}, but it will be rejected when validated: "
            f"[yellow]{fault.rule}[/yellow] {escape(str(fault))}"
        )
    return f"{source}: landed as {place}, read as {form}"


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
