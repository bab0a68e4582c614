"""Checks of the click model, by its figures on rows that came after those it was trained on."""

import dagster as dg

from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.click_tables import CLICK_EVALUATION, CLICK_MODEL
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.clicks.evaluation import CONSTANT

TOLERABLE_ECE = 0.05
"""Mean gap between predicted probability and click rate that ranking and budgets can bear."""


@table_check(asset=CLICK_EVALUATION)
def click_model_beats_constant(storage: Storage) -> dg.AssetCheckResult:
    """The model is less surprised by the clicks than one that always predicts the click rate."""
    loss = _figures(storage, "logloss")
    return dg.AssetCheckResult(
        passed=loss[CLICK_MODEL] < loss[CONSTANT],
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={f"logloss {name}": value for name, value in loss.items()},
    )


@table_check(asset=CLICK_EVALUATION)
def probabilities_are_calibrated(storage: Storage) -> dg.AssetCheckResult:
    """Predicted probabilities agree with click rates, up to 5 percentage points on average."""
    gap = _figures(storage, "ece")[CLICK_MODEL]
    return dg.AssetCheckResult(
        passed=gap <= TOLERABLE_ECE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"ece": gap, "tolerable": TOLERABLE_ECE},
    )


def _figures(storage: Storage, metric: str) -> dict[str, float]:
    rows = storage.lake.scan(CLICK_EVALUATION).filter(metric=metric, split="test").collect()
    return dict(rows.select("model", "value").iter_rows())


click_checks = [click_model_beats_constant, probabilities_are_calibrated]
"""Checks of the click path."""
