"""Better settings for the trees of the click model, by the loss on the validation part.

    click_features (a sample of train, validation) -> trials -> best_params of click_model

A trial grows native LightGBM, which agrees with the asset's SynapseML on the same rows; it is
pruned tree by tree. Test rows are not read.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from pydantic import Field

from recsys_assets.contracts.click_tables import CLICK_FEATURES, CLICK_MODEL
from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.blending import MEAN
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.click_fit import grow_trees
from recsys_assets.kernels.metrics.classification import logloss
from recsys_assets.lake.store import read_parquet
from recsys_assets.steps.clicks.model import ClickModelParams
from recsys_assets.steps.clicks.parts import nothing_landed
from recsys_assets.steps.clicks.scores import feature_parts
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import SweepParams
from recsys_assets.steps.sweeps.search import Search, run_sweep

if TYPE_CHECKING:
    from optuna.trial import Trial

EVERY = 10
"""Trees after which a trial may be given up."""


class ClickSweepParams(SweepParams):
    """The budget, and the rows that are searched on."""

    rows: int = Field(default=300_000, ge=1_000)
    """Latest training rows that a trial is fitted to."""


def sweep_click_params(session: Session, params: ClickSweepParams) -> StepReport:
    """Search settings of the click model; the next training takes the best over."""
    if report := nothing_landed(session):
        return report
    if not session.lake.exists(CLICK_FEATURES):
        return StepReport(failed=f"the table {CLICK_FEATURES} does not exist yet")
    train, validation = (_features(session, split) for split in ("train", "validation"))
    train = train.tail(params.rows)
    label = validation[LABEL].cast(pl.Int8).to_numpy()
    if train[LABEL].n_unique() < 2 or np.unique(label).size < 2:
        return StepReport(failed="training or validation rows have one label only")
    base = ClickModelParams().for_rows(train.height)

    def judge(chosen: dict[str, Any], report: Callable[[int, float], None]) -> float:
        def on_tree(environment: Any) -> None:
            if environment.iteration % EVERY == EVERY - 1:
                report(environment.iteration, environment.evaluation_result_list[0][2])

        settings = base.model_copy(update=chosen).native()
        trees = grow_trees(train, validation, settings, base.trees, (on_tree,))
        return logloss(label, click_probability(trees, validation, MEAN))

    search = Search(
        CLICK_MODEL,
        "validation_logloss",
        maximize=False,
        defaults={name: getattr(base, name) for name in _NAMES},
        suggest=_suggest,
        judge=judge,
        data_version=session.lake.version(CLICK_FEATURES),
        judged_by=f"{train.height} rows",
    )
    return run_sweep(session, search, params)


_NAMES = ("leaves", "learning_rate", "min_data_in_leaf", "feature_fraction", "lambda_l2")


def _suggest(trial: "Trial") -> dict[str, Any]:
    return {
        "leaves": trial.suggest_int("leaves", 3, 63, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.03, 0.3, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 500, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }


def _features(session: Session, split: str) -> pl.DataFrame:
    paths = [part.path for part in feature_parts(session, split)]
    return pl.concat([read_parquet(path) for path in paths])
