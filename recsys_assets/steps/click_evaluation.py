"""Judging the click model by the latest clicks, which it has never seen.

    click_features (test) + click_model -> scores -> click_evaluation

It has to beat the constant that predicts the click rate of the training rows for everybody.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel

from recsys_assets.contracts.click_tables import CLICK_EVALUATION, CLICK_FEATURES, CLICK_MODEL
from recsys_assets.kernels.metrics.classification import (
    calibration_table,
    click_metrics,
    precision_recall_points,
)
from recsys_assets.kernels.plots import scores as plots
from recsys_assets.registry.client import LoggedModel
from recsys_assets.steps.click_model import draw_importance
from recsys_assets.steps.click_scores import feature_parts, score
from recsys_assets.steps.clicks import nothing_landed
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session

CONSTANT = "constant"
"""Name of the model that gives every row the click rate of the training rows."""

Metrics = dict[str, dict[str, float]]
"""Model → metric → value."""


class ClickEvaluationParams(BaseModel):
    """Nothing to choose: the split decides what the model is judged by."""


def evaluate_click_model(session: Session, params: ClickEvaluationParams) -> StepReport:
    """Score the test part and compare the model with the constant."""
    if report := nothing_landed(session):
        return report
    for table in (CLICK_FEATURES, CLICK_MODEL):
        if not session.lake.exists(table):
            return StepReport(failed=f"the table {table} does not exist yet: materialize it first")
    model = session.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    label, probability = score(session, model["booster"], feature_parts(session, "test"))
    if label.size == 0 or label.min() == label.max():
        return StepReport(
            failed=f"the {label.size} test rows do not hold both labels: land more clicks"
        )
    metrics = {
        CLICK_MODEL: click_metrics(label, probability),
        CONSTANT: click_metrics(label, np.full(label.size, model["click_rate"])),
    }
    versions = {CLICK_MODEL: model["model_version"], CONSTANT: 0}
    table_version = session.lake.write_frame(_rows(metrics, versions), CLICK_EVALUATION)
    _log(session, model["model_version"], metrics[CLICK_MODEL])
    report = StepReport(
        rows={CLICK_EVALUATION: sum(len(figures) for figures in metrics.values())},
        versions={CLICK_EVALUATION: table_version},
        figures={"test_rows": label.size, **_figures(metrics)},
        tables={"Models": [{"model": name, **figures} for name, figures in metrics.items()]},
    )
    _draw(report, label, probability)
    report.draw("Feature importance", lambda: draw_importance(model["booster"]))
    return report


def _rows(metrics: Metrics, versions: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"model": model, "model_version": versions[model], "split": "test"}
            | {"metric": metric, "value": value}
            for model, figures in metrics.items()
            for metric, value in figures.items()
        ]
    )


def _figures(metrics: Metrics) -> dict[str, float]:
    return {
        f"{metric} ({model})": value
        for model, figures in metrics.items()
        for metric, value in figures.items()
    }


def _log(session: Session, version: int, metrics: dict[str, float]) -> None:
    """Add the figures to the MLflow run of the version that was judged."""
    found = session.registry.client().get_model_version(CLICK_MODEL, str(version))
    run = LoggedModel(CLICK_MODEL, version, str(found.run_id), "")
    session.registry.log_metrics(run, {f"test_{name}": value for name, value in metrics.items()})


def _draw(report: StepReport, label: NDArray[np.int8], probability: NDArray[np.float64]) -> None:
    groups = {"clicked": probability[label == 1], "not clicked": probability[label == 0]}
    bins = calibration_table(label, probability)
    points = precision_recall_points(label, probability)
    rate = float(label.mean())
    report.draw("Precision and recall", lambda: plots.precision_recall_curve(points, rate))
    report.draw("Calibration", lambda: plots.calibration_curve(bins))
    report.draw("Score distribution", lambda: plots.score_distribution(groups, "click probability"))
