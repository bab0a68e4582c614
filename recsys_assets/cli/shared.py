"""What the commands share: the deployment, a date option, output for programs."""

import datetime
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recsys_assets.contracts import DATASETS
from recsys_assets.deployment import Deployment, current_deployment, enter
from recsys_assets.lake.landing import FIRST_DROP
from recsys_assets.resources.alerts.message import without_controls

console = Console()

IDENTIFIERS = ("user", "item", "line", "version", "champion", "challenger")
"""Columns of tables whose numbers are names: written as they are looked for."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DatasetArgument = Annotated[str, typer.Argument(help=f"One of {', '.join(DATASETS)}.")]


def deployment() -> Deployment:
    """The deployment, with its home prepared."""
    return enter(current_deployment())


def check_dataset(name: str) -> str:
    """The name, if it is that of a data set.

    Raises:
        typer.BadParameter: it is not.
    """
    if name not in DATASETS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(DATASETS)}")
    return name


def parse_date(text: str | None) -> datetime.date:
    """A date as YYYY-MM-DD; today (UTC) where none is given.

    Raises:
        typer.BadParameter: no date, or one outside the partitions.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    if text is None:
        return today
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write YYYY-MM-DD") from error
    if not FIRST_DROP <= date <= today:
        raise typer.BadParameter(f"{date} is not between {FIRST_DROP} and today, {today} (UTC)")
    return date


def check_output(path: Path | None, *others: Path | None) -> None:
    """Find out before minutes of work, not after, whether its figures can be written to a file.

    Args:
        path: of the file.
        others: files that are read, or written too: it must be none of them.

    Raises:
        typer.BadParameter: they cannot.
    """
    if path is None:
        return
    if any(other is not None and other.resolve() == path.resolve() for other in others):
        raise typer.BadParameter(f"{path} is named twice: figures written to it would replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"no folder for {path} can be made: {error}") from error
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder: name a file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written here: name another file")


def print_json(value: Any) -> None:
    """A value as JSON on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(title: str, rows: list[dict[str, Any]], no_wrap: Collection[str] = ()) -> None:
    """Rows as a table for people; columns in ``no_wrap`` keep their width."""
    names = list(rows[0]) if rows else []
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        right = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(
            name, justify="right" if right else "left", overflow="fold", no_wrap=name in no_wrap
        )
    for row in rows:
        table.add_row(*[_cell(name, row.get(name)) for name in names])
    console.print(table)


def _cell(name: str, value: Any) -> str | Text:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if name in IDENTIFIERS else f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    # No markup: neither [/b] nor \[/b] nor :100: means anything.
    return Text(without_controls(str(value)))
