"""Champion and challenger of the click model on the same held-out rows: who is used from now on.

    registry + clicks (test) -> click_promotion, by log loss over rows

Asked and decided as the ranking models are (`evaluation.promotion`), withdrawn rows among it; the
guard is calibration.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from recsys_assets.contracts.click_tables import CLICK_FEATURES, CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.contracts.models import CLICK_PROMOTION
from recsys_assets.kernels.metrics.classification import ece
from recsys_assets.kernels.promotion import Decision, Guard, decide, without_win
from recsys_assets.lake.store import scan_parquet
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.registry.champions import aliases, undecided
from recsys_assets.steps.clicks.model import KNOWN_UNTIL
from recsys_assets.steps.clicks.parts import Part, Until, click_parts, nothing_landed
from recsys_assets.steps.clicks.scores import feature_parts
from recsys_assets.steps.evaluation.promotion_report import conclude
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.pyfunc import PyFuncModel

_ROWS_AT_ONCE = 100_000
Floats = NDArray[np.float64]


class ClickPromotionParams(StepParams):
    """What a click challenger has to show."""

    calibration_margin: float = Field(default=0.002, ge=0)
    """By how much the calibration error may grow."""
    most_rows: int = Field(default=200_000, ge=1)
    """Of more test rows, the latest so many."""
    seed: int = Field(default=42, ge=0)
    """Of the bootstrap."""


def decide_click_promotion(session: Session, params: ClickPromotionParams) -> StepReport:
    """Let the challenger of the click model take its champion's place, or say why not."""
    if report := nothing_landed(session):
        return report
    known = aliases(session.registry, CLICK_MODEL)
    if not known or not session.lake.exists(CLICK_FEATURES):
        return StepReport(skipped="no click model is registered yet: nothing to decide")
    reason = undecided(session.registry, CLICK_MODEL, known)
    parts = click_parts(session.lake)
    told = [] if reason else [_known_until(session, alias) for alias in (CHAMPION, CHALLENGER)]
    rows = _latest_clicks(session, parts, params.most_rows, told)
    # What a challenger knows of, too, is no reason to prefer it.
    gone = [until.withdrawn(parts) for until in told]
    withdrawn = gone[0] if gone and not gone[1] else 0
    if not reason and rows.is_empty():
        reason = "one of the two was fitted to every test row: nothing to judge by is left"
        if withdrawn:
            reason += (
                f"; the champion was trained on {withdrawn:,} clicks that were withdrawn since: "
                f"`recsys promote {CLICK_MODEL}`"
            )
    decision = reason or without_win(_try_clicks(session, rows, params), withdrawn, "clicks")
    return conclude(session, CLICK_PROMOTION, {CLICK_MODEL: (known, decision)}, "test rows")


def _known_until(session: Session, alias: str) -> Until:
    """How far into the clicks a version was fitted; of one that does not tell, not at all."""
    told = session.registry.tags(CLICK_MODEL, alias).get(KNOWN_UNTIL)
    return Until.read(told) if told else Until("", 0)


def _latest_clicks(
    session: Session, parts: list[Part], most: int, told: Sequence[Until]
) -> pl.DataFrame:
    """The last rows of the test part, as they were landed: the test part is the latest clicks.

    It begins earlier where drops were withdrawn; what one of those judged knows is no test then.
    """
    rows = sum(part.rows for part in parts)
    first = rows - sum(part.rows for part in feature_parts(session, "test"))
    first = max([first, *(until.position(parts) for until in told)])
    clicks = scan_parquet(*[part.path for part in parts]).select(LABEL, *NUMBERS, *CATEGORIES)
    return clicks.tail(min(rows - first, most)).collect()


def _try_clicks(session: Session, rows: pl.DataFrame, params: ClickPromotionParams) -> Decision:
    label = rows[LABEL].cast(pl.Float64).to_numpy()
    old, new = (
        _probabilities(session.registry.load(CLICK_MODEL, alias), rows)
        for alias in (CHAMPION, CHALLENGER)
    )
    calibration = Guard.absolute("ece", ece(label, old), ece(label, new), params.calibration_margin)
    champion, challenger = _likelihood(label, old), _likelihood(label, new)
    return decide("log likelihood", champion, challenger, [calibration], params.seed)


def _probabilities(model: "PyFuncModel", rows: pl.DataFrame) -> Floats:
    blocks = [rows[n : n + _ROWS_AT_ONCE] for n in range(0, rows.height, _ROWS_AT_ONCE)]
    answers: list[Any] = [model.predict(_request(block)) for block in blocks]
    return np.concatenate([answer["probability"].to_numpy(np.float64) for answer in answers])


def _request(rows: pl.DataFrame) -> "pd.DataFrame":
    """Rows in the types of the model's signature: numbers may be missing."""
    numbers = [pl.col(name).cast(pl.Float64) for name in NUMBERS]
    return rows.select(*numbers, *CATEGORIES).to_pandas()


def _likelihood(label: Floats, probability: Floats) -> Floats:
    """Log of the probability that each row's own label was given; its negative mean is log loss."""
    epsilon = np.finfo(np.float64).eps
    given = np.where(label == 1, probability, 1 - probability)
    return np.log(np.clip(given, epsilon, 1.0))
