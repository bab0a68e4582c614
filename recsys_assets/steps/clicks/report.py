"""Telling how click models do: plots and a page for people, from labels and probabilities alone.

The asset and `recsys evaluate-clicks` show the same page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.blending import Blend
from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import contributions, feature_matrix
from recsys_assets.kernels.encode import feature_names
from recsys_assets.kernels.metrics.classification import (
    average_precision,
    calibration_table,
    precision_recall_points,
)
from recsys_assets.kernels.plots import clicks as click_plots
from recsys_assets.kernels.plots import models as model_plots
from recsys_assets.kernels.plots import scores as plots
from recsys_assets.kernels.report_page import Row, Section, render_page
from recsys_assets.steps.report import StepReport

SHAP_ROWS = 2_000
"""Rows whose predictions are taken apart for the plot."""


@dataclass(frozen=True)
class ClickJudgement:
    """What was found out, before it is told."""

    label: NDArray[np.int8]
    """Labels of the held-out rows."""
    probability: Mapping[str, NDArray[np.float64]]
    """Model → probability of each row; the platform's own model first."""
    trees: BoostedTrees
    blend: Blend
    features: pl.DataFrame
    """Some encoded rows whose predictions are taken apart."""
    table: Sequence[Row]
    """Figures of all models."""
    strengths: Sequence[Row] = ()
    """How much each column moves the additive model, the strongest first."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Title → what else the reader should know."""


def draw_clicks(report: StepReport, judgement: ClickJudgement) -> None:
    """Add the plots to a report."""
    label = judgement.label
    own = next(iter(judgement.probability.values()))
    # A constant ranks nothing: it would only crowd the curves.
    ranked = {n: p for n, p in judgement.probability.items() if p.min() < p.max()}
    groups = {"clicked": own[label == 1], "not clicked": own[label == 0]}
    bins, points = calibration_table(label, own), precision_recall_points(label, own)
    rate, average = float(label.mean()), average_precision(label, own)
    report.draw("ROC", lambda: click_plots.roc_curve(label, ranked))
    report.draw("Calibration", lambda: plots.calibration_curve(bins))
    report.draw("Lift", lambda: click_plots.lift_curve(label, ranked))
    report.draw("Precision and recall", lambda: plots.precision_recall_curve(points, rate, average))
    report.draw("Score distribution", lambda: plots.score_distribution(groups, "click probability"))
    report.draw("Feature importance", lambda: draw_importance(judgement.trees))
    report.draw("SHAP summary", lambda: _draw_shap(judgement))


def draw_importance(trees: BoostedTrees) -> bytes:
    """Plot of the gain of each feature."""
    return model_plots.feature_importance(trees.names, trees.booster.feature_importance("gain"))


def _draw_shap(judgement: ClickJudgement) -> bytes:
    rows = judgement.features.head(SHAP_ROWS)
    parts = contributions(judgement.trees, rows, judgement.blend)
    return click_plots.shap_summary(feature_names(), parts[:, :-1], feature_matrix(rows))


def click_page(report: StepReport, judgement: ClickJudgement, summary: str, footer: str) -> str:
    """The page as HTML text; the plots are those of the report."""
    shown = {
        "How well it ranks": ("ROC", "Lift", "Precision and recall"),
        "How honest its probabilities are": ("Calibration", "Score distribution"),
        "What it looks at": ("Feature importance", "SHAP summary"),
    }
    texts = {
        "How honest its probabilities are": "Rows in twenty bins of equal size; the ECE is the "
        "mean distance between predicted probability and click rate.",
        "What it looks at": "Gain: the loss that splits on a feature removed. SHAP: what a "
        "feature adds to the log odds of a row, beside what is the same for all rows.",
    }
    sections = [
        Section("Models", rows=judgement.table),
        *(
            Section(
                title,
                texts.get(title, ""),
                plots={name: report.plots[name] for name in names if name in report.plots},
            )
            for title, names in shown.items()
        ),
        Section(
            "What single columns and pairs say",
            f"The {len(judgement.strengths)} strongest: deviation over the rows of what each adds "
            "to the log odds in the additive model; the feature margin is the sum of all columns "
            "and pairs.",
            judgement.strengths,
        ),
        *(Section(title, text) for title, text in judgement.notes.items()),
    ]
    return render_page("How well clicks are predicted", summary, sections, footer)
