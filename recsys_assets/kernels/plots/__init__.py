"""Plots for the metadata of assets: numbers go in, PNG bytes of 640 x 360 pixels come out.

`data` draws what came in, `models` what was learned, `scores` what the models predict; `canvas`
holds the look they share.
"""

from recsys_assets.kernels.plots.data import activity_by_day, long_tail, rating_histogram
from recsys_assets.kernels.plots.models import feature_importance, learning_curve, metric_bars
from recsys_assets.kernels.plots.scores import (
    calibration_curve,
    precision_recall_curve,
    score_distribution,
)

__all__ = [
    "activity_by_day",
    "calibration_curve",
    "feature_importance",
    "learning_curve",
    "long_tail",
    "metric_bars",
    "precision_recall_curve",
    "rating_histogram",
    "score_distribution",
]
