"""The command that checks the click model: any Criteo file, all models, one table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recsys_assets.cli.shared import check_output, console, print_table
from recsys_assets.deployment import spare_cores

if TYPE_CHECKING:
    from recsys_assets.steps.clicks.comparison import Comparison
    from recsys_assets.steps.clicks.file import ClickFile

app = typer.Typer()


@app.command("evaluate-clicks")
def evaluate_clicks_command(
    file: Annotated[Path, typer.Argument(help="Criteo file: 40 fields by tab; plain or gzip.")],
    folds: Annotated[
        int | None, typer.Option(help="Parts of the cross-validation; 5 unless given.", min=2)
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same figures.", min=0, max=2**32 - 2)
    ] = 0,
    split: Annotated[
        Literal["folds", "ordered"],
        typer.Option(help="folds: shuffled cross-validation; ordered: 80/10/10 in order."),
    ] = "folds",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a report page (HTML) to this file.")
    ] = None,
) -> None:
    """Train the click model and its baselines on a file, and judge them on rows they have not seen.

    Needs no home and no Spark: the trees are native LightGBM's, with the settings of the asset.

    Example: recsys evaluate-clicks dac_sample.txt --split ordered --json figures.json
    """
    spare_cores()
    from recsys_assets.steps.clicks.comparison import compare, page_of
    from recsys_assets.steps.clicks.file import ComparisonError, read_clicks

    if folds is not None and split != "folds":
        raise typer.BadParameter(f"--folds is for --split folds, not for {split}")
    check_output(json_file, file)
    check_output(page, file, json_file)
    try:
        clicks = read_clicks(file)
        _tell_what_was_read(clicks)
        comparison = compare(clicks, split, folds or 5, seed)
    except ComparisonError as error:
        raise typer.BadParameter(str(error)) from error
    _show(comparison)
    if json_file:
        json_file.write_text(json.dumps(comparison.as_json(), indent=2) + "\n", encoding="utf-8")
    if page:
        page.write_text(page_of(comparison, file), encoding="utf-8")


def _tell_what_was_read(clicks: "ClickFile") -> None:
    apart = ", ".join(f"{rule} {count:,}" for rule, count in clicks.reasons.items())
    console.print(
        f"{clicks.lines:,} lines: {clicks.rows.height:,} rows, {clicks.quarantined:,} set apart"
        + (f" ({apart})" if apart else ""),
        highlight=False,
    )


def _show(comparison: "Comparison") -> None:
    rows = [
        {
            "model": row["model"],
            "AUC": _with_interval(row, "auc"),
            "log loss": _with_interval(row, "logloss"),
            "ECE": f"{row['ece']:.4f}",
            "behind": f"{row['behind_in']:.0%}",
            "s": f"{row['seconds']:.0f}",
        }
        for row in comparison.table
    ]
    print_table(f"Click models, {comparison.split}", rows, no_wrap=rows[0])
    console.print(
        "±: half of a 95 % interval; behind: share of bootstrap draws in which click_model has "
        "the lower loss; s: seconds to fit and score",
        highlight=False,
    )


def _with_interval(row: "dict[str, float | str]", metric: str) -> str:
    half = (float(row[f"{metric}_high"]) - float(row[f"{metric}_low"])) / 2
    return f"{row[metric]:.4f} ±{half:.4f}"
