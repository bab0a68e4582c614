"""The click model: LightGBM on the features of clicks.

    click_features (train) -> all trees
    click_features (validation) -> how many of them are kept, and how scores become probabilities
    trees + click_encoder + click_effects -> click_model, and click_model in the registry

All trees are grown, then those after the least validation loss are cut off. SynapseML's own early
stopping keeps the same trees, but for its sake deserializes every training row at each pass and
sends the whole validation part to every executor.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from recsys_assets.contracts.click_tables import (
    CLICK_EFFECTS,
    CLICK_ENCODER,
    CLICK_FEATURES,
    CLICK_MODEL,
)
from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS
from recsys_assets.kernels.blending import Blend, fit_blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import first_trees
from recsys_assets.kernels.metrics.classification import click_metrics
from recsys_assets.kernels.plots import models as model_plots
from recsys_assets.lake.spark_files import read_table
from recsys_assets.registry.click_files import read_encoder, save_clicks
from recsys_assets.registry.client import LoggedModel
from recsys_assets.steps.clicks.boosting import BoostingParams, boost
from recsys_assets.steps.clicks.parts import Until, click_parts, known_until, nothing_landed
from recsys_assets.steps.clicks.report import draw_importance
from recsys_assets.steps.clicks.scores import feature_parts, mean_loss_by_tree, score
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import take_over

Curves = dict[str, NDArray[np.float64]]
"""Part of the split → log loss after the first tree, the second, and so on."""


KNOWN_UNTIL = "clicks/known_until"
"""Tag of a registered model: how far into the clicks it was fitted."""


class ClickModelParams(BoostingParams):
    """Settings of the click model."""

    curve_rows: int = Field(default=100_000, ge=1)
    """Training rows, at least, that the training side of the learning curve is drawn from."""


def train_click_model(session: Session, params: ClickModelParams) -> StepReport:
    """Boost trees on the encoded clicks, keep as many as validation wants, blend and calibrate."""
    if report := nothing_landed(session):
        return report
    if fault := _fault_of(session):
        return StepReport(failed=fault)
    params, source = take_over(session, CLICK_MODEL, params)
    params = params.for_rows(sum(part.rows for part in feature_parts(session, "train")))
    grown = boost(
        read_table(session.lake, session.spark, CLICK_FEATURES).filter("split = 'train'"), params
    )
    curves = _curves(session, grown, params)
    kept = int(np.argmin(curves["validation"])) + 1
    trees = first_trees(BoostedTrees(grown), kept)
    judged = score(session, trees.text, feature_parts(session, "validation"))
    blend, calibration = fit_blend(judged.label, judged.trees, judged.margin)
    figures = click_metrics(judged.label, judged.probability(blend))
    metrics = {f"validation_{name}": value for name, value in figures.items()}
    numbers = {"trees": kept, **metrics}
    report = StepReport(rows={CLICK_MODEL: 1}, figures={**numbers})
    # Where there is too little to draw, the report's figures hold words, too.
    _draw(report, trees, curves)
    logged = _register(session, (trees, blend), params, numbers, report.plots, curves)
    table = pl.DataFrame(
        {
            "model": CLICK_MODEL,
            "model_version": logged.version,
            "booster": trees.text,
            "trees": kept,
            **{f"blend_{name}": value for name, value in blend._asdict().items()},
            "click_rate": _clicks(session)["train"],
            "metrics": json.dumps(metrics, sort_keys=True),
        }
    )
    report.versions[CLICK_MODEL] = session.lake.write_frame(table, CLICK_MODEL)
    report.figures |= {"model_version": logged.version, "calibration": calibration}
    report.figures["params_from"] = source
    report.links["MLflow run"] = logged.link
    return report


def _clicks(session: Session) -> dict[str, float]:
    """Part of the split → share of clicked rows."""
    table = session.lake.scan(CLICK_FEATURES)
    rates = table.group_by("split").agg(pl.col(LABEL).cast(pl.Float64).mean()).collect()
    return dict(rates.iter_rows())


def _fault_of(session: Session) -> str:
    """Why nothing can be learned; empty where it can."""
    for table in (CLICK_ENCODER, CLICK_EFFECTS, CLICK_FEATURES):
        if not session.lake.exists(table):
            return f"the table {table} does not exist yet: materialize click_features first"
    rates = _clicks(session)
    for split in ("train", "validation"):
        if split not in rates:
            return f"the {split} part holds no row: land more clicks"
        if rates[split] in (0.0, 1.0):
            return (
                f"all rows of the {split} part have the label {rates[split]:.0f}: land a log that "
                "holds impressions with clicks and without"
            )
    return ""


def _curves(session: Session, grown: str, params: ClickModelParams) -> Curves:
    train, rows = [], 0
    for part in feature_parts(session, "train"):
        if rows < params.curve_rows:
            train.append(part)
            rows += part.rows
    return {
        "train": mean_loss_by_tree(session, grown, train),
        "validation": mean_loss_by_tree(session, grown, feature_parts(session, "validation")),
    }


def _draw(report: StepReport, trees: BoostedTrees, curves: Curves) -> None:
    counts = np.arange(1, len(curves["train"]) + 1)
    report.draw("Learning curve", lambda: model_plots.learning_curve(counts, curves, "logloss"))
    report.draw("Feature importance", lambda: draw_importance(trees))


def _register(
    session: Session,
    scorer: tuple[BoostedTrees, Blend],
    params: ClickModelParams,
    metrics: dict[str, float],
    plots: dict[str, bytes],
    curves: Curves,
) -> LoggedModel:
    # Imported late: MLflow takes a second, and every process would load it.
    from recsys_assets.registry.clicks import ClickModel

    tables = (session.lake.scan(table).collect() for table in (CLICK_ENCODER, CLICK_EFFECTS))
    encoder = read_encoder(*tables).without_folds()
    with tempfile.TemporaryDirectory() as folder:
        return session.registry.log(
            CLICK_MODEL,
            ClickModel(),
            save_clicks(Path(folder), encoder, *scorer),
            _example(session),
            params=params.model_dump() | {"smoothing": encoder.smoothing},
            metrics=metrics,
            plots=plots,
            tags={
                "dagster/run_id": session.run_id,
                f"table/{CLICK_FEATURES}": str(session.lake.version(CLICK_FEATURES)),
                f"table/{CLICK_ENCODER}": str(session.lake.version(CLICK_ENCODER)),
                f"table/{CLICK_EFFECTS}": str(session.lake.version(CLICK_EFFECTS)),
                KNOWN_UNTIL: str(_known_until(session)),
            },
            curves={f"{part}_logloss": loss.tolist() for part, loss in curves.items()},
        )


def _known_until(session: Session) -> Until:
    """Where the test part begins: all before it the model has seen."""
    parts = click_parts(session.lake)
    tested = sum(part.rows for part in feature_parts(session, "test"))
    return known_until(parts, sum(part.rows for part in parts) - tested)


def _example(session: Session) -> pl.DataFrame:
    """A row with every field and one with none: the signature knows all types and requires none."""
    seen = session.lake.scan(CLICKS.name).select(*NUMBERS, *CATEGORIES).head(1_000).collect()
    filled = seen.with_columns(pl.col(NUMBERS).cast(pl.Float64)).select(
        pl.col(name).drop_nulls().first().fill_null(0.0 if name in NUMBERS else "00000000")
        for name in seen.columns
    )
    return pl.concat([filled, filled.clear(1)])
