"""Plots of click models say what scikit-learn says."""

import io

import numpy as np
import polars as pl
from PIL import Image
from sklearn.metrics import average_precision_score

from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.blending import MEAN
from recsys_assets.kernels.click_fit import grow_trees
from recsys_assets.kernels.encode import feature_names
from recsys_assets.steps.clicks.model import ClickModelParams
from recsys_assets.steps.clicks.report import ClickJudgement, draw_clicks
from recsys_assets.steps.report import StepReport


def test_the_average_precision_is_that_of_all_thresholds() -> None:
    rng = np.random.default_rng(0)
    probability = rng.beta(1, 4, 2_000)
    label = (rng.random(2_000) < probability).astype(np.int8)
    values = rng.normal(size=(2_000, len(feature_names()))).astype(np.float32)
    rows = pl.DataFrame(values, schema=feature_names()).with_columns(pl.Series(LABEL, label))
    trees = grow_trees(rows, rows, ClickModelParams(leaves=4).native(), 2)
    report = StepReport()
    draw_clicks(report, ClickJudgement(label, {"own": probability}, trees, MEAN, rows[:10], []))
    picture = Image.open(io.BytesIO(report.plots["Precision and recall"]))
    told = float(picture.text["Title"].rsplit(" ", 1)[-1])  # type: ignore[attr-defined]
    assert told == round(average_precision_score(label, probability), 3)
