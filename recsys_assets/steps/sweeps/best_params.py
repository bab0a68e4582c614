"""The best parameters a sweep has found, and their way into the next training.

    sweep -> best_params, a partition per model -> training

What a person sets explicitly beats the sweep: only parameters that stand at their default are
taken over. The training's report says which came from where.
"""

import datetime
import json
from typing import TypeVar

import polars as pl
from pydantic import Field

from recsys_assets.contracts.best_params import BEST_PARAMS, BestParams
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.session import Session


class SweptParams(StepParams):
    """Parameters of a training that a sweep may have improved."""

    use_best: bool = True
    """Take over what the last sweep found, where nothing else is set."""


Params = TypeVar("Params", bound=SweptParams)


def take_over(session: Session, model: str, params: Params) -> tuple[Params, str]:
    """The parameters to train with, and in words where they come from."""
    fields = type(params).model_fields
    by_hand = {
        name: value
        for name, value in params.model_dump().items()
        if name != "use_best" and value != fields[name].get_default(call_default_factory=True)
    }
    found = _found(session, model) if params.use_best else None
    taken: dict[str, object] = {}
    if found is not None:
        known = json.loads(str(found["params"]))
        taken = {name: known[name] for name in known if name in fields and name not in by_hand}
    parts = [
        f"by hand: {_listed(by_hand)}" if by_hand else "",
        _source(found, taken),
        "else defaults",
    ]
    chosen = type(params).model_validate({**params.model_dump(), **taken})
    return chosen, "; ".join(part for part in parts if part)


def keep_best(
    session: Session,
    model: str,
    params: dict[str, object],
    *,
    metric: str,
    value: float,
    default_value: float,
    trials: int,
    data_version: int,
) -> int:
    """Write the best parameters of a model; the table's version."""
    row = {
        "model": model,
        "params": json.dumps(params, sort_keys=True),
        "metric": metric,
        "value": value,
        "default_value": default_value,
        "trials": trials,
        "data_version": data_version,
        "found_at": datetime.datetime.now(datetime.UTC),
    }
    frame = pl.DataFrame([row], polars_schema(BestParams))
    return session.lake.write_frame(frame, BEST_PARAMS, {"model": model})


def _found(session: Session, model: str) -> dict[str, object] | None:
    if not session.lake.exists(BEST_PARAMS):
        return None
    rows = session.lake.scan(BEST_PARAMS).filter(model=model).collect()
    return rows.row(0, named=True) if rows.height else None


def _source(found: dict[str, object] | None, taken: dict[str, object]) -> str:
    if found is None or not taken:
        return ""
    return f"by the sweep of {found['found_at']:%Y-%m-%d}: {_listed(taken)}"


def _listed(params: dict[str, object]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in sorted(params.items())
    )


class SweepParams(StepParams):
    """The budget of a search."""

    trials: int = Field(default=30, ge=1)
    """Trials in all on one version of the data; an interrupted search goes on from there."""
    minutes: float = Field(default=30.0, gt=0)
    """No trial begins after so many minutes."""
    seed: int = Field(default=42, ge=0)
    """Draws the trials."""
    prune: bool = True
    """Give up trials that are worse than half of the earlier ones at the same stage."""
