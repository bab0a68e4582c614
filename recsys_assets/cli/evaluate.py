"""The command that judges all models on one file of ratings."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import polars as pl
import typer

from recsys_assets.cli.shared import console, print_table
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.movies import MOVIES
from recsys_assets.contracts.ratings import RATINGS
from recsys_assets.kernels.comparing import JudgingError
from recsys_assets.kernels.splits import METHODS, Method, SplitError, train_and_test
from recsys_assets.lake.rows import UnreadableFileError, read_rows

if TYPE_CHECKING:
    from recsys_assets.kernels.recommenders.protocol import ItemContent, RatingData
    from recsys_assets.steps.comparison import Fitted, FittedRating, ModelResult
    from recsys_assets.steps.leaks import LeakCheck

Split = Enum("Split", {name: name for name in METHODS})  # type: ignore[misc]


class EvaluationError(Exception):
    """An evaluation that cannot be done; the message says why."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("evaluate")(evaluate_command)


def evaluate_command(
    ratings: Annotated[Path, typer.Option(help="Ratings in any MovieLens form, plain or gzip.")],
    movies: Annotated[
        Path | None, typer.Option(help="Movies in any MovieLens form; content for the models.")
    ] = None,
    split: Annotated[Split, typer.Option(help="How test rows are held out.")] = Split[
        "stratified-item"
    ],
    ratio: Annotated[float, typer.Option(help="Share of the rows to train on.")] = 0.75,
    seed: Annotated[int, typer.Option(help="Of split, models and bootstrap.", min=0)] = 42,
    k: Annotated[int, typer.Option(help="Length of the lists.", min=1)] = 10,
    gap_days: Annotated[
        float, typer.Option(help="Days left out after the training rows; global-time.", min=0)
    ] = 0.0,
    models: Annotated[
        str | None, typer.Option(help="Models to compare, by comma; all unless given.")
    ] = None,
    check_leaks: Annotated[
        bool, typer.Option(help="Fit all models once more, to catch one that knows test rows.")
    ] = False,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write every figure to this file.")
    ] = None,
) -> None:
    """Compare all models on a file of ratings, by the protocol of the published figures.

    Every held-out rating is relevant, what users rated in training is left out of their lists, and
    metrics are averaged over users. Nothing lands, and no table changes.

    Example: recsys evaluate --ratings ratings.csv --movies movies.csv --json figures.json
    """
    protocol = _Protocol(cast("Method", split.value), ratio, seed, gap_days)
    try:
        found = _evaluate(ratings, movies, protocol, k, _chosen(models), check_leaks, json_path)
    except (SplitError, UnreadableFileError, JudgingError) as error:
        raise EvaluationError(str(error)) from error
    _judge_leaks(found)


@dataclass(frozen=True)
class _Protocol:
    """How the rows are split."""

    split: Method
    ratio: float
    seed: int
    gap_days: float


def _evaluate(
    ratings: Path,
    movies: Path | None,
    protocol: _Protocol,
    k: int,
    names: Sequence[str],
    leaks_too: bool,
    json_path: Path | None,
) -> "list[LeakCheck]":
    from recsys_assets.steps import comparison_report as report
    from recsys_assets.steps.comparison import compare_models
    from recsys_assets.steps.leaks import check_leaks
    from recsys_assets.steps.rating_models import fit_rating_models
    from recsys_assets.steps.recommenders import fit_recommenders

    rows, content = _read(ratings, RATINGS), _content(movies)
    split, ratio, seed = protocol.split, protocol.ratio, protocol.seed
    train, test = train_and_test(rows, split, ratio, seed, protocol.gap_days)
    _say_protocol(protocol, train, test, k)

    def fit(data: "RatingData") -> "Iterator[Fitted]":
        # The trees of this process are those of the cluster, without a JVM to start.
        return fit_recommenders(None, data, content, names, seed)

    def fit_rating(data: "RatingData") -> "Iterator[FittedRating]":
        return fit_rating_models(data, content, seed)

    comparison = compare_models(train, test, fit, k, seed, fit_rating, _tell)
    results = comparison.results
    found = check_leaks(results, train, test, fit, k, split, ratio, seed) if leaks_too else []
    for title, table in report.tables(comparison).items():
        print_table(title, table, no_wrap=["model"])
    if json_path:
        figures = report.comparison_json(comparison, asdict(protocol), found)
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return found


def _say_protocol(protocol: _Protocol, train: pl.DataFrame, test: pl.DataFrame, k: int) -> None:
    console.print(
        f"{protocol.split} split, {protocol.ratio:.0%} to train on, seed {protocol.seed}: "
        f"{train.height:,} training rows, {test.height:,} test rows; lists of {k} unseen items, "
        "every test row relevant"
    )
    items = train["item"].n_unique()
    if k > items:
        console.print(f"the training part names {items} items only: lists are shorter than {k}")


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
    from recsys_assets.steps.recommenders import MODELS

    if models is None:
        return MODELS
    names = tuple(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    unknown = [name for name in names if name not in MODELS]
    if unknown or not names:
        raise typer.BadParameter(
            f"--models {models!r}: {', '.join(unknown) or 'nothing'} is none of {', '.join(MODELS)}"
        )
    return names


def _read(path: Path, dataset: Dataset) -> pl.DataFrame:
    found = read_rows(path, dataset)
    left_out = [
        f"{count:,} {what}"
        for count, what in (
            (found.rejected, "lines that break a rule"),
            (found.doubled, "rows that a later one replaces"),
        )
        if count
    ]
    said = f"{path.name}: {found.frame.height:,} {dataset.name}, read as {found.form}"
    console.print(said + (f"; left out: {', '.join(left_out)}" if left_out else ""))
    return found.frame


def _content(movies: Path | None) -> "ItemContent | None":
    if movies is None:
        return None
    from recsys_assets.kernels.recommenders.catalogue import item_content

    return item_content(_read(movies, MOVIES))


def _tell(result: "ModelResult") -> None:
    console.print(
        f"{result.name}: nDCG {result.figures['ndcg_at_k']:.4f}, fitted in "
        f"{result.fit_seconds:.1f} s, judged in {result.judge_seconds:.1f} s"
    )
