"""Commands about quarantined lines: list, show, replay a corrected file."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape

from recsys_assets.cli.data import DateOption
from recsys_assets.cli.landed import describe, tell_of_those_read_later
from recsys_assets.cli.runs import run_command
from recsys_assets.cli.shared import (
    DatasetArgument,
    JsonOption,
    check_dataset,
    check_output,
    console,
    deployment,
    parse_date,
    print_json,
    print_table,
)
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.files import FILES, quarantine_of
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.tables import DROP_DATE, Lake
from recsys_assets.steps.validation.blocks import duplicate_rule

app = typer.Typer(no_args_is_help=True, help="Lines that broke a rule: list, show, replay.")

_SHOWN = 1_000
"""Characters of a line that are shown."""

FileOption = Annotated[str | None, typer.Option("--file", help="Only lines of this file.")]


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Count quarantined lines by data set, drop, file and rule.

    Example: recsys quarantine list
    """
    lake = deployment().home.lake
    rows = []
    for dataset in DATASETS:
        if not lake.exists(quarantine_of(dataset)):
            continue
        counts = lake.scan(quarantine_of(dataset)).explode("rules")
        counts = counts.group_by(DROP_DATE, "file", rule="rules").agg(lines=pl.len())
        for row in counts.sort(DROP_DATE, "file", "rule").collect().iter_rows(named=True):
            rows.append({"dataset": dataset, **row, DROP_DATE: row[DROP_DATE].isoformat()})
    if as_json:
        print_json(rows)
        return
    if rows:
        print_table("Quarantined lines by rule", rows)
    whole = int(account_of_files(lake)["rejected"].sum())
    if whole:  # which `recsys status` counts as quarantined, too
        console.print(
            f"{whole} files were rejected as a whole: `recsys status` says why", highlight=False
        )
    elif not rows:
        console.print("no line is quarantined")


@app.command("show")
def show_command(
    dataset: DatasetArgument,
    date: Annotated[
        str | None, typer.Option(help="Only lines of this drop, YYYY-MM-DD; of all if not given.")
    ] = None,
    file: FileOption = None,
    limit: Annotated[int, typer.Option(help="Lines to show at most.", min=1)] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Write the lines to this file, to correct and replay them.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write lines and rules to a CSV file for a spreadsheet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show quarantined lines as they stood, with every rule they broke.

    Example: recsys quarantine show ratings --out fix.csv
    """
    check_output(out)
    check_output(report, out)
    lake = deployment().home.lake
    name = quarantine_of(check_dataset(dataset))
    landed = lake.exists(dataset) or dataset in account_of_files(lake)["dataset"]
    if landed and not lake.exists(name):  # it is made for the first bad line
        raise typer.BadParameter(
            f"no line of {dataset} has ever been quarantined by itself; `recsys status` says which"
            " files were rejected as a whole"
        )
    table = lake.scan(name)
    if date:
        table = table.filter(pl.col(DROP_DATE) == parse_date(date))
    if file:
        table = table.filter(file=file)
    lines = table.sort(DROP_DATE, "file", "line").collect()
    if report is not None:  # first: it takes lines that no one file can hold for correction
        _report(lines, report)
    if out is not None:
        _export(lines, dataset, lake, out)
    if out is not None or report is not None:
        return
    rows = [
        {**row, DROP_DATE: row[DROP_DATE].isoformat(), "rules": ", ".join(row["rules"])}
        for row in lines.head(limit).drop("run_id").iter_rows(named=True)
    ]
    if as_json:
        print_json(rows)
    elif not rows:
        console.print(
            f"no line of {dataset} is quarantined there; `recsys quarantine list` says where lines"
            " are, `recsys status` which files were rejected as a whole"
        )
    else:
        shown = [{**row, "raw": _begin(row["raw"])} for row in rows]
        print_table(f"{len(rows)} of {lines.height} lines", shown, no_wrap=(DROP_DATE, "line"))


def _begin(raw: str) -> str:
    """A line as far as it can be looked at; a mebibyte of it would fill a terminal for minutes."""
    return raw if len(raw) <= _SHOWN else f"{raw[:_SHOWN]}… ({len(raw):,} characters: --json)"


def _export(lines: pl.DataFrame, dataset: str, lake: Lake, out: Path) -> None:
    """Write lines to a file in the form they came in, header included, ready to be corrected."""
    # A double is no mistake to correct; replayed, it might take the place of the row that was kept.
    lines = lines.filter(pl.col("rules") != [duplicate_rule(DATASETS[dataset])])
    if lines.is_empty():
        raise typer.BadParameter("no line to correct there; see `recsys quarantine list`")
    drops = lines[DROP_DATE].unique().sort()
    if len(drops) > 1 and DATASETS[dataset].latest is None:
        # Without a time of their own rows are as old as their drop: replayed into another, lines of
        # an early one would stand for what came later.
        raise typer.BadParameter(
            f"the lines come from several drops, from {drops[0]} to {drops[-1]}: choose one with"
            " --date"
        )
    files = lake.scan(FILES).filter(dataset=dataset).select(DROP_DATE, "file", "form").collect()
    forms = lines.join(files, on=[DROP_DATE, "file"], how="left")["form"].unique().to_list()
    if None in forms:
        raise typer.BadParameter(
            "a file of these lines was rejected as a whole or taken away since: choose others with"
            " --date or --file, or write a --report"
        )
    if len(forms) != 1:
        raise typer.BadParameter(
            f"the lines come in several forms ({', '.join(sorted(forms))}); choose one with --file"
            " or --date"
        )
    dialect = next(d for d in DATASETS[dataset].dialects if d.name == forms[0])
    header = [dialect.separator.join(dialect.header)] if dialect.header else []
    out.write_text("\n".join([*header, *lines["raw"]]) + "\n", encoding="utf-8")
    day, several = lines[DROP_DATE][-1], lines["file"].unique().sort().to_list()
    if len(several) > 1 and not DATASETS[dataset].key:
        # A line that was corrected and replayed stays quarantined, as it landed.
        console.print(
            f"the lines come from several files: {escape(', '.join(several))}; those that you have"
            " replayed before would count twice: leave them out, by --file",
            highlight=False,
        )
    console.print(f"wrote {lines.height} lines to {out}; correct them, then:", highlight=False)
    console.print(
        f"recsys quarantine replay {dataset} {out} --date {day}", highlight=False, soft_wrap=True
    )


def _report(lines: pl.DataFrame, path: Path) -> None:
    """Write lines with their rules so that no spreadsheet takes any of them for a formula.

    Many take semicolons for ends of cells, some of them instead of commas: then a quote of the line
    itself begins a cell. Some take tabs, too, where no quote stands before.
    """
    shown = lines.select(
        pl.col(DROP_DATE).cast(pl.String), "file", "line", pl.col("rules").list.join(" "), "raw"
    )
    safe = pl.col(pl.String).str.replace_all(r"(^|;)([\s\ufeff\"]*[=+\-@\t\r])", "$1'$2")
    shown.with_columns(safe).write_csv(path, quote_style="non_numeric")
    console.print(f"wrote {lines.height} lines to {path}", highlight=False)


@app.command("replay")
def replay_command(
    dataset: DatasetArgument,
    file: Annotated[Path, typer.Argument(help="File with the corrected lines.")],
    date: DateOption = None,
) -> None:
    """Land a corrected file and validate its drop.

    Example: recsys quarantine replay ratings fix.csv --date 2026-01-31
    """
    day = parse_date(date)
    home = deployment().home
    landed = home.landing_zone.land(file, check_dataset(dataset), day)
    console.print(describe(file, landed, day), highlight=False)
    new = set() if landed.known else {landed.name}
    tell_of_those_read_later(home.lake, new, home.landing_zone.drop(dataset, landed.date))
    text = landed.date.isoformat()
    run_command(select=f"{dataset},{quarantine_of(dataset)}", first=text, last=text)
