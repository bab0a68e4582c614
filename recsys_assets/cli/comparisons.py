"""What `recsys evaluate` does: files are read, split, models fitted and compared, figures told."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from recsys_assets.cli.shared import console, print_table
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.movies import MOVIES
from recsys_assets.contracts.ratings import RATINGS
from recsys_assets.kernels.splits import (
    COLD_METHODS,
    Method,
    SplitError,
    train_and_test,
    without_items,
    without_newest_users,
)
from recsys_assets.lake.rows import read_rows

if TYPE_CHECKING:
    from recsys_assets.kernels.recommenders.protocol import ItemContent, RatingData
    from recsys_assets.steps.comparison.fitted import FittedRating
    from recsys_assets.steps.comparison.leaks import LeakCheck
    from recsys_assets.steps.comparison.results import ColdCase, ModelResult
    from recsys_assets.steps.recommenders.parts import FittedRecommender


@dataclass(frozen=True)
class Protocol:
    """How the rows are split, and how long lists are."""

    split: str
    ratio: float
    seed: int
    gap_days: float
    k: int

    @property
    def is_cold(self) -> bool:
        """Whether whole users or items are held out."""
        return self.split in COLD_METHODS

    @property
    def is_timed(self) -> bool:
        """Whether users are tested by what they rate later."""
        return self.split in ("chronological", "global-time")


def compare(
    ratings: Path,
    movies: Path | None,
    protocol: Protocol,
    names: Sequence[str],
    leaks_too: bool,
    json_path: Path | None,
) -> "list[LeakCheck]":
    """Compare models on users who stand in both parts; what a search for leaks found."""
    from recsys_assets.steps.comparison import report
    from recsys_assets.steps.comparison.compare import compare_models
    from recsys_assets.steps.comparison.leaks import check_leaks
    from recsys_assets.steps.recommenders.parts import fit_recommenders
    from recsys_assets.steps.recommenders.rating_models import fit_rating_models

    rows, content = _read(ratings, RATINGS), _content(movies)
    split, ratio, seed, k = (
        cast("Method", protocol.split),
        protocol.ratio,
        protocol.seed,
        protocol.k,
    )
    train, test = train_and_test(rows, split, ratio, seed, protocol.gap_days)
    _say_protocol(protocol, train, test)

    def fit(data: "RatingData") -> "Iterator[FittedRecommender]":
        # The trees of this process are those of the cluster, without a JVM to start.
        return fit_recommenders(None, data, content, names, seed, latest=protocol.is_timed)

    def fit_rating(data: "RatingData") -> "Iterator[FittedRating]":
        return fit_rating_models(data, content, seed)

    if train.height < 2:
        raise SplitError("one rating is too little to train on: bring more ratings")
    comparison = compare_models(train, test, fit, k, seed, fit_rating, _tell)
    found = (
        check_leaks(
            *(comparison.results, train, test, fit, k, split, ratio, seed, protocol.gap_days)
        )
        if leaks_too
        else []
    )
    figures = report.comparison_json(comparison, asdict(protocol), found)
    _show(report.tables(comparison), figures, json_path)
    return found


def compare_cold(
    ratings: Path,
    movies: Path | None,
    protocol: Protocol,
    names: Sequence[str],
    json_path: Path | None,
) -> None:
    """Compare models with popularity on users or items of whom training knows nothing."""
    from recsys_assets.steps.comparison import report

    rows, content = _read(ratings, RATINGS), _content(movies)
    judged = _new_users if protocol.split == "cold-users" else _new_items
    cases = judged(rows, content, protocol, names)
    figures = report.cold_json(cases, asdict(protocol))
    _show(report.cold_tables(cases, protocol.k), figures, json_path)


def _new_users(
    rows: pl.DataFrame, content: "ItemContent | None", protocol: Protocol, names: Sequence[str]
) -> "list[ColdCase]":
    from recsys_assets.steps.comparison.cold_users import POPULARITY, compare_on_new_users
    from recsys_assets.steps.recommenders.parts import fit_recommenders

    train, test = without_newest_users(rows, protocol.ratio)
    _say_protocol(protocol, train, test)

    def fit(data: "RatingData") -> "Iterator[FittedRecommender]":
        asked = dict.fromkeys((POPULARITY, *names))
        return fit_recommenders(None, data, content, list(asked), protocol.seed)

    return compare_on_new_users(train, test, fit, protocol.k, protocol.seed, _tell)


def _new_items(
    rows: pl.DataFrame, content: "ItemContent | None", protocol: Protocol, names: Sequence[str]
) -> "list[ColdCase]":
    from recsys_assets.kernels.comparing import JudgingError
    from recsys_assets.steps.comparison.cold_items import compare_on_new_items
    from recsys_assets.steps.recommenders.parts import fit_recommenders

    if content is None:
        raise JudgingError("items nobody rated are known by their content only: name --movies")
    train, test = without_items(rows, protocol.ratio, protocol.seed)
    _say_protocol(protocol, train, test)

    def fit(data: "RatingData") -> "Iterator[FittedRecommender]":
        return fit_recommenders(None, data, content, names, protocol.seed)

    return [compare_on_new_items(train, test, content, fit, protocol.k, protocol.seed, _tell)]


def _show(
    tables: dict[str, list[dict[str, Any]]], figures: dict[str, Any], json_path: Path | None
) -> None:
    for title, table in tables.items():
        print_table(title, table, no_wrap=["model"])
    if json_path:
        json_path.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _say_protocol(protocol: Protocol, train: pl.DataFrame, test: pl.DataFrame) -> None:
    console.print(
        f"{protocol.split} split, {100 * protocol.ratio:g}% to train on, seed {protocol.seed}: "
        f"{train.height:,} training rows, {test.height:,} test rows; lists of {protocol.k} unseen "
        "items, every test row relevant"
    )
    k, items = protocol.k, train["item"].n_unique()
    if k > items:
        console.print(f"the training part names {items} items only: lists are shorter than {k}")


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
