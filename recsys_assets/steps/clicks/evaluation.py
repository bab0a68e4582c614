"""Judging the click model by the latest clicks, which it has never seen.

    click_features (test) + click_model -> scores -> click_evaluation

It has to beat the constant that predicts the click rate of the training rows for everybody.
"""

import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import (
    CLICK_EFFECTS,
    CLICK_ENCODER,
    CLICK_EVALUATION,
    CLICK_FEATURES,
    CLICK_MODEL,
)
from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.metrics.classification import click_metrics
from recsys_assets.kernels.report_page import Row
from recsys_assets.lake.store import read_parquet, scan_parquet
from recsys_assets.registry.click_files import read_encoder
from recsys_assets.steps.clicks.parts import click_parts, nothing_landed
from recsys_assets.steps.clicks.report import SHAP_ROWS, ClickJudgement, click_page, draw_clicks
from recsys_assets.steps.clicks.scores import feature_parts, score
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.report import StepReport, keep_page
from recsys_assets.steps.session import Session

CONSTANT = "constant"
"""Name of the model that gives every row the click rate of the training rows."""

Metrics = dict[str, dict[str, float]]
"""Model → metric → value."""


def evaluate_click_model(session: Session, params: NoParams) -> StepReport:
    """Score the test part and compare the model with the constant."""
    if report := nothing_landed(session):
        return report
    for table in (CLICK_ENCODER, CLICK_EFFECTS, CLICK_FEATURES, CLICK_MODEL):
        if not session.lake.exists(table):
            return StepReport(failed=f"the table {table} does not exist yet: materialize it first")
    model = session.lake.scan(CLICK_MODEL).collect().row(0, named=True)
    blend = Blend(*(model[f"blend_{name}"] for name in Blend._fields))
    scores = score(session, model["booster"], feature_parts(session, "test"))
    label, probability = scores.label, scores.probability(blend)
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
    report = StepReport(
        rows={CLICK_EVALUATION: sum(len(figures) for figures in metrics.values())},
        versions={CLICK_EVALUATION: table_version},
        figures={"test_rows": label.size, **_figures(metrics)},
        tables={"Models": [{"model": name, **figures} for name, figures in metrics.items()]},
    )
    judgement = ClickJudgement(
        label,
        {CLICK_MODEL: probability},
        BoostedTrees(model["booster"]),
        blend,
        _some_features(session),
        report.tables["Models"],
        _strengths(session),
    )
    draw_clicks(report, judgement)
    _publish(session, judgement, report, int(model["model_version"]))
    return report


def _some_features(session: Session) -> pl.DataFrame:
    paths = [part.path for part in feature_parts(session, "test")]
    return pl.concat([scan_parquet(path) for path in paths]).head(SHAP_ROWS).collect()


def _strengths(session: Session) -> list[Row]:
    """How much each column moves the additive model, over the latest clicks."""
    tables = (session.lake.scan(table).collect() for table in (CLICK_ENCODER, CLICK_EFFECTS))
    rows = read_parquet(click_parts(session.lake)[-1].path).tail(SHAP_ROWS)
    return list(read_encoder(*tables).without_folds().strengths(rows))


def _publish(session: Session, judgement: ClickJudgement, report: StepReport, version: int) -> None:
    """Keep the page, and give the MLflow run of the judged version its figures and files."""
    own, table = judgement.table[0], report.versions[CLICK_EVALUATION]
    summary = (
        f"AUC {own['auc']:.4f}, log loss {own['logloss']:.4f}, calibration error {own['ece']:.4f} "
        f"over {judgement.label.size:,} clicks and impressions that came after all it learned from."
    )
    footer = (
        f"{CLICK_MODEL} version {version}; table {CLICK_EVALUATION} version {table}; "
        f"run {session.run_id or 'by hand'}"
    )
    page = click_page(report, judgement, summary, footer)
    keep_page(session.reports, report, f"{CLICK_EVALUATION}-{table}", page)
    run = session.registry.logged(CLICK_MODEL, version)
    figures = {f"test_{name}": float(str(own[name])) for name in ("auc", "logloss", "ece")}
    session.registry.log_metrics(run, figures)
    session.registry.log_files(run, {"evaluation/report.html": page.encode("utf-8")})


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
