"""Rounds over days: models learn from what came before and are judged by the days that follow.

    interactions (all parts) + movie_features -> backtest, a plot of the metric over time

Each round fits the models anew on the rows before it, whatever part of the split they belong to;
what is tested is how the platform would have done had it run on that day.
"""

import datetime
from typing import Any

import polars as pl
from pydantic import Field

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import BACKTEST, Backtest
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.comparing import JudgingError
from recsys_assets.kernels.plots.models import metric_over_time
from recsys_assets.kernels.recommenders.protocol import ItemContent
from recsys_assets.kernels.splits import SplitError, Window, rolling_windows
from recsys_assets.steps.comparison.compare import compare_models
from recsys_assets.steps.comparison.results import HEADLINE, MAIN_METRIC, Comparison
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.learning_data import read_content
from recsys_assets.steps.recommenders.parts import MODELS, fit_recommenders
from recsys_assets.steps.report import StepReport, not_landed
from recsys_assets.steps.session import Session


class BacktestParams(StepParams):
    """How far back, and by how many days at a time."""

    rounds: int = Field(default=4, ge=1)
    """Rounds; the last one ends with the last day of the ratings."""
    test_days: int = Field(default=7, ge=1)
    """Days that a round is judged by."""
    gap_days: int = Field(default=1, ge=0)
    """Days between training and test: a list published today was made of yesterday's ratings."""
    k: int = Field(default=10, ge=1)
    """Length of the lists."""
    models: list[str] = Field(default=list(MODELS), min_length=1)
    """Which models; one named twice is judged once."""
    seed: int = Field(default=42, ge=0)
    """Of the models and of the bootstrap."""


def run_backtest(session: Session, params: BacktestParams) -> StepReport:
    """Judge every model by several spans of days in turn, each time fitted on the past alone."""
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    columns = ("user", "item", "rating", "timestamp")
    rows = session.lake.scan(INTERACTIONS).select(*columns).sort("user", "item").collect()
    if rows.is_empty():
        return not_landed("ratings")
    times = rows["timestamp"].to_numpy()
    first, last = int(times.min()), int(times.max())
    try:
        windows = rolling_windows(first, last, params.rounds, params.test_days, params.gap_days)
    except SplitError as error:
        # A platform's first weeks are no fault, of which somebody would be told each week.
        return StepReport(skipped=str(error))
    content = read_content(session.lake)
    report, found = StepReport(), []
    for window in windows:
        try:
            comparison = _round(session, rows, window, content, params)
        except JudgingError as error:
            report.figures[f"no round from {_day(window.test_from)}"] = str(error)
            continue
        found += _rows(comparison, window)
    if not found:
        report.failed = "no round has users that rated before it and in it: ask for longer rounds"
        return report
    table = pl.DataFrame(found, schema=polars_schema(Backtest))
    return _describe(session, table, params.k, report)


def _round(
    session: Session,
    rows: pl.DataFrame,
    window: Window,
    content: ItemContent | None,
    params: BacktestParams,
) -> Comparison:
    train = rows.filter(pl.col("timestamp") < window.train_before)
    of_days = pl.col("timestamp").is_between(window.test_from, window.test_before, closed="left")
    names = list(dict.fromkeys(params.models))
    return compare_models(
        train,
        rows.filter(of_days),
        lambda data: fit_recommenders(session, data, content, names, params.seed),
        params.k,
        params.seed,
    )


def _rows(comparison: Comparison, window: Window) -> list[dict[str, Any]]:
    return [
        {
            "test_from": _day(window.test_from),
            "test_before": _day(window.test_before),
            "model": result.name,
            "metric": metric.replace("_at_k", f"@{comparison.k}"),
            "value": result.figures[metric],
            "low": result.intervals[metric].low,
            "high": result.intervals[metric].high,
            "users": comparison.judged_users,
        }
        for result in comparison.results
        for metric in HEADLINE
    ]


def _day(seconds: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()


def _describe(session: Session, table: pl.DataFrame, k: int, report: StepReport) -> StepReport:
    report.rows[BACKTEST] = table.height
    report.versions[BACKTEST] = session.lake.write_frame(table, BACKTEST)
    main = MAIN_METRIC.replace("_at_k", f"@{k}")
    chosen = table.filter(metric=main).sort("test_from")
    wide = chosen.pivot("model", index=["test_from", "users"], values="value")
    names = [name for name in wide.columns if name not in ("test_from", "users")]
    dated = wide.with_columns(pl.col("test_from").cast(pl.String))
    report.tables[f"{main} by round"] = dated.to_dicts()
    series = {name: wide[name].to_numpy() for name in names}
    report.figures |= {f"mean {main} ({name})": float(v.mean()) for name, v in series.items()}
    report.draw("Over time", lambda: metric_over_time(wide["test_from"].to_list(), series, main))
    return report
