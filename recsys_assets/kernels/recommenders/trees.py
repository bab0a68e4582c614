"""Trees that rank candidates: two kinds on the same rows, and what each feature adds to a score.

Lambdarank learns the order within a user's list, the binary kind learns which candidates are rated
at all; each is best on another split, and together they are steady on all measured.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_assets.kernels.boosted_trees import BoostedTrees
from recsys_assets.kernels.boosting import threads_for
from recsys_assets.kernels.native_lightgbm import lgb
from recsys_assets.kernels.recommenders.inner import RankingRows

KINDS = ("lambdarank", "binary")
SETTINGS: dict[str, Any] = {
    "num_iterations": 200,
    "num_leaves": 15,
    "learning_rate": 0.04,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
}
"""Many small trees, each on half of the features and part of the rows."""
TRUNCATION = 20
"""Places from the top within which lambdarank compares pairs."""


def grow_natively(rows: RankingRows, seed: int = 42) -> list[str]:
    """Both kinds of trees by LightGBM in this process; its own texts."""
    return [_grow(rows, kind, seed) for kind in KINDS]


def _grow(rows: RankingRows, kind: str, seed: int) -> str:
    listwise = kind == "lambdarank"
    data = lgb.Dataset(
        rows.features,
        rows.labels,
        group=rows.counts if listwise else None,
        feature_name=list(rows.names),
    )
    settings = {**SETTINGS, "objective": kind, "seed": seed, "deterministic": True}
    settings |= {
        "force_row_wise": True,
        "verbosity": -1,
        "num_threads": threads_for(len(rows.features)),
    }
    if listwise:
        settings["lambdarank_truncation_level"] = TRUNCATION
    rounds = settings.pop("num_iterations")
    return str(lgb.train(settings, data, rounds).model_to_string())


def contributions(trees: BoostedTrees, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """SHAP values of each row by LightGBM's own `pred_contrib`: rows x (features + 1).

    The last column is the expected score; a row adds up to the raw score of its candidate.
    """
    threads = threads_for(len(features))
    shares = trees.booster.predict(features, pred_contrib=True, num_threads=threads)
    return np.asarray(shares, np.float64)


def mean_contributions(
    rankers: Sequence[BoostedTrees], features: NDArray[np.float32]
) -> dict[str, float]:
    """Mean absolute contribution of each feature over rows and kinds, the greatest first."""
    sizes = [np.abs(contributions(each, features)[:, :-1]).mean(axis=0) for each in rankers]
    # Each kind counts the same whatever the scale of its scores.
    total = np.sum([size / max(size.sum(), 1e-12) for size in sizes], axis=0) / len(sizes)
    names = rankers[0].names
    order = np.argsort(-total, kind="stable")
    return {names[at]: float(total[at]) for at in order}
