"""The command that judges all models on one file of ratings."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys_assets.cli.comparisons import Protocol, compare, compare_cold
from recsys_assets.cli.shared import check_output, print_table
from recsys_assets.kernels.splits import COLD_METHODS, METHODS, SplitError
from recsys_assets.lake.rows import UnreadableFileError

if TYPE_CHECKING:
    from recsys_assets.steps.comparison.leaks import LeakCheck

app = typer.Typer()

Split = Enum("Split", {name: name for name in (*METHODS, *COLD_METHODS)})  # type: ignore[misc]


class EvaluationError(Exception):
    """An evaluation that cannot be done; the message says why."""


@app.command("evaluate")
def evaluate_command(
    ratings: Annotated[Path, typer.Option(help="Ratings in any MovieLens form, plain or gzip.")],
    movies: Annotated[
        Path | None, typer.Option(help="Movies in any MovieLens form; content for the models.")
    ] = None,
    split: Annotated[Split, typer.Option(help="How test rows are held out.")] = Split[
        "stratified-item"
    ],
    ratio: Annotated[
        float, typer.Option(help="Share to train on: of the rows, or of whole users or items.")
    ] = 0.75,
    seed: Annotated[
        int, typer.Option(help="Of split, models and bootstrap.", min=0, max=2**31 - 1)
    ] = 42,
    k: Annotated[int, typer.Option(help="Length of the lists.", min=1)] = 10,
    gap_days: Annotated[
        float, typer.Option(help="Days left out after the training rows; global-time.", min=0)
    ] = 0.0,
    models: Annotated[
        str | None,
        typer.Option(
            help="Ranking models to compare, by comma: popularity, als, ease, content, hybrid; all "
            "unless given."
        ),
    ] = None,
    check_leaks: Annotated[
        bool,
        typer.Option(help="Fit the ranking models once more, to catch one that knows test rows."),
    ] = False,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
) -> None:
    """Compare all models on a file of ratings, by the protocol of the published figures.

    Every held-out rating is relevant, what users rated in training is left out of their lists, and
    metrics are averaged over users. cold-users and cold-items hold out whole users (those who came
    last) and whole items, and hold all models against popularity or what stands for it. All other
    splits compare the models that predict stars, too, whatever --models names; they are not checked
    for leaks. Nothing lands, and no table changes.

    Example: recsys evaluate --ratings ratings.csv --movies movies.csv --json figures.json
    """
    from recsys_assets.kernels.comparing import JudgingError  # loads a compiler

    protocol = Protocol(split.value, ratio, seed, gap_days, k)
    names = _chosen(models)
    check_output(json_path, ratings, movies)
    if gap_days and split.value != "global-time":
        raise typer.BadParameter(f"--gap-days is for --split global-time, not for {split.value}")
    if check_leaks and protocol.is_cold:
        raise typer.BadParameter("--check-leaks needs users and items that stand in both parts")
    try:
        if protocol.is_cold:
            compare_cold(ratings, movies, protocol, names, json_path)
            return
        found = compare(ratings, movies, protocol, names, check_leaks, json_path)
    except (SplitError, UnreadableFileError, JudgingError) as error:
        raise EvaluationError(str(error)) from error
    _judge_leaks(found)


def _judge_leaks(found: "Sequence[LeakCheck]") -> None:
    if not found:
        return
    print_table(
        "Leak check: nDCG on held-out rows within the training part, and on the test part",
        [
            {
                "model": check.name,
                "within": f"{check.inner:.4f}",
                "test": f"{check.outer:.4f}",
                "suspicious": check.suspicious,
            }
            for check in found
        ],
    )
    caught = [check.name for check in found if check.suspicious]
    if caught:
        raise EvaluationError(
            f"{', '.join(caught)} did far better on the test part than on other held-out rows:"
            " find out where it has seen the test rows"
        )


def _chosen(models: str | None) -> tuple[str, ...]:
    from recsys_assets.steps.recommenders.parts import MODELS

    if models is None:
        return MODELS
    names = tuple(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    unknown = [name for name in names if name not in MODELS]
    if unknown or not names:
        raise typer.BadParameter(
            f"--models {models!r}: {', '.join(unknown) or 'nothing'} is none of {', '.join(MODELS)}"
        )
    return names
