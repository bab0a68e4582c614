"""The click model against baselines on one Criteo file, without a home, a lake or Spark.

    file -> validated rows -> folds, or 80/10/10 in order -> every model -> figures and intervals

The click model is that of the assets: the same kernels count, choose pairs, fit effects, encode
and calibrate, with the default parameters of the same steps. Its trees are grown by native LightGBM
with the settings that SynapseML is given there.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.bootstrap import JudgedFold, bootstrap
from recsys_assets.kernels.click_baselines import BASELINES
from recsys_assets.kernels.click_fit import FittedClicks, fit_clicks
from recsys_assets.kernels.encode import encode
from recsys_assets.kernels.metrics.classification import click_metrics
from recsys_assets.steps.clicks.features import EncodingParams
from recsys_assets.steps.clicks.file import ClickFile, ComparisonError
from recsys_assets.steps.clicks.model import ClickModelParams
from recsys_assets.steps.clicks.report import SHAP_ROWS, ClickJudgement, click_page, draw_clicks
from recsys_assets.steps.report import StepReport

OWN = "click_model"
"""Name of the platform's own model in tables."""
VALIDATION_SHARE = 0.1
"""Latest rows of a training part that stop the growing of trees and calibrate."""
LEAST_ROWS = 100

Split = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
"""Training, validation and test rows."""


@dataclass(frozen=True)
class Comparison:
    """What came of it."""

    file: ClickFile
    split: str
    table: list[dict[str, float | str]]
    """One row per model: figures, intervals, seconds."""
    judgement: ClickJudgement
    """The last fold, for the page."""

    def as_json(self) -> dict[str, object]:
        """The figures for programs."""
        return {
            "split": self.split,
            "lines": self.file.lines,
            "rows": self.file.rows.height,
            "quarantined": self.file.quarantined,
            "reasons": self.file.reasons,
            "models": {
                str(row["model"]): {name: value for name, value in row.items() if name != "model"}
                for row in self.table
            },
        }


def compare(
    file: ClickFile, split: Literal["folds", "ordered"], folds: int = 5, seed: int = 0
) -> Comparison:
    """Train and judge every model on every part of the split.

    Args:
        file: validated rows.
        split: ``folds`` for shuffled cross-validation, ``ordered`` for 80/10/10 in order.
        folds: parts of the cross-validation.
        seed: shuffles the rows into folds, and draws what models draw.

    Raises:
        ComparisonError: too few rows, or a part that lacks one of the labels.
    """
    words = f"{folds} folds, seed {seed}" if split == "folds" else "80/10/10 in order"
    judged: list[JudgedFold] = []
    seconds: Counter[str] = Counter()
    parts = _ordered(file.rows) if split == "ordered" else _folds(file.rows, folds, seed)
    for part in parts:
        _require_labels(part)
        fold, fitted = _judge(part, seed, seconds)
        judged.append(fold)
    table = _table(judged, seconds, seed)
    judgement = ClickJudgement(
        fold.label,
        fold.probability,
        fitted.trees,
        fitted.blend,
        encode(part[2].head(SHAP_ROWS), fitted.encoder),
        table,
        fitted.encoder.strengths(part[2].head(SHAP_ROWS)),
        {
            "How it was measured": f"{words}. Intervals: the middle 95 % of bootstrap draws of the "
            "held-out rows, the same draws for all models. Plots are those of the last part.",
            "Pairs of columns": ", ".join(fitted.encoder.crosses) or "None stands out.",
            "Calibration": fitted.calibration,
        },
    )
    return Comparison(file, words, table, judgement)


def page_of(comparison: Comparison, source: Path) -> str:
    """The report page as HTML text."""
    report = StepReport()
    draw_clicks(report, comparison.judgement)
    own = comparison.table[0]
    summary = (
        f"{OWN}: AUC {own['auc']:.4f}, log loss {own['logloss']:.4f}, calibration error "
        f"{own['ece']:.4f} ({comparison.split}). {comparison.file.rows.height:,} rows; "
        f"{comparison.file.quarantined:,} lines set apart."
    )
    return click_page(report, comparison.judgement, summary, source.name)


def _ordered(rows: pl.DataFrame) -> Iterator[Split]:
    _require_rows(rows)
    first, second = int(0.8 * rows.height), int(0.9 * rows.height)
    yield rows[:first], rows[first:second], rows[second:]


def _folds(rows: pl.DataFrame, folds: int, seed: int) -> Iterator[Split]:
    _require_rows(rows)
    if not 2 <= folds <= rows.height // 10:
        raise ComparisonError(f"{folds} folds of {rows.height} rows: choose 2 or more, of 10 rows")
    order = np.random.default_rng(seed).permutation(rows.height)
    fold = np.empty(rows.height, np.int64)
    fold[order] = np.arange(rows.height) % folds
    for number in range(folds):
        known = rows.filter(pl.Series(fold != number))
        border = int((1 - VALIDATION_SHARE) * known.height)
        yield known[:border], known[border:], rows.filter(pl.Series(fold == number))


def _require_rows(rows: pl.DataFrame) -> None:
    if rows.height < LEAST_ROWS:
        raise ComparisonError(f"{rows.height} valid rows are too few: bring {LEAST_ROWS} or more")


def _require_labels(part: Split) -> None:
    for name, rows in zip(("training", "validation", "test"), part, strict=True):
        if rows[LABEL].n_unique() < 2:
            raise ComparisonError(
                f"the {name} part has one label only: bring more rows, with clicks and without"
            )


def _judge(part: Split, seed: int, seconds: Counter[str]) -> tuple[JudgedFold, FittedClicks]:
    train, validation, test = part
    probability = {}
    started = time.perf_counter()
    fitted = fit_own(train, validation, seed)
    probability[OWN] = fitted.probability(test)
    seconds[OWN] += time.perf_counter() - started  # type: ignore[assignment]
    for name, fit in BASELINES.items():
        started = time.perf_counter()
        probability[name] = fit(train, validation, seed)(test)
        seconds[name] += time.perf_counter() - started  # type: ignore[assignment]
    return JudgedFold(test[LABEL].cast(pl.Int8).to_numpy(), probability), fitted


def fit_own(train: pl.DataFrame, validation: pl.DataFrame, seed: int) -> FittedClicks:
    """The platform's own model with the defaults of its steps."""
    fields = [LABEL, *NUMBERS, *CATEGORIES]
    boosting = ClickModelParams(seed=seed).for_rows(train.height)
    plan = EncodingParams(seed=seed)
    return fit_clicks(
        train.select(fields), validation.select(fields), plan, boosting.native(), boosting.trees
    )


def _table(
    judged: list[JudgedFold], seconds: Counter[str], seed: int
) -> list[dict[str, float | str]]:
    draws = bootstrap(judged, seed)
    table: list[dict[str, float | str]] = []
    for name, drawn in draws.items():
        figures = [click_metrics(fold.label, fold.probability[name]) for fold in judged]
        row: dict[str, float | str] = {"model": name}
        row |= {metric: float(np.mean([f[metric] for f in figures])) for metric in figures[0]}
        for metric in ("auc", "logloss"):
            low, high = drawn.interval(metric)
            row |= {f"{metric}_low": low, f"{metric}_high": high}
        row["behind_in"] = float((drawn.logloss > draws[OWN].logloss).mean())
        row["seconds"] = float(seconds[name])
        table.append(row)
    return table
