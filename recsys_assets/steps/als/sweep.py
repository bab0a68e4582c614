"""Better settings for ALS, by the ranking of the validation part.

    interactions (train, validation) -> trials -> best_params of als_model

A trial fits the ranking task with the solver of the asset and ranks, for every user with validation
rows, what they have not rated in training. On the way, after a few iterations, it is judged once
and may be given up. Test rows are not read.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.judging import RankingTask
from recsys_assets.kernels.metrics.ranking import mean_ranking
from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.kernels.vectors import Vectors
from recsys_assets.steps.als.blocks import Fitted, Task, fit_in_blocks
from recsys_assets.steps.als.train import ALS_MODEL, ALSParams
from recsys_assets.steps.report import StepReport, not_landed
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import SweepParams
from recsys_assets.steps.sweeps.search import Search, run_sweep

if TYPE_CHECKING:
    from optuna.trial import Trial

FEW = 3
"""Iterations after which a trial may be given up."""


class ALSSweepParams(SweepParams):
    """The budget, and how trials are judged."""

    k: int = Field(default=10, ge=1)
    """Length of the lists."""


def sweep_als_params(session: Session, params: ALSSweepParams) -> StepReport:
    """Search settings of the ranking ALS; the next training takes the best over."""
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    table = session.lake.scan(INTERACTIONS).select("user", "item", "rating", "split")
    train = table.filter(split="train").collect()
    truth = table.filter(split="validation").select("user", "item").collect()
    if train.is_empty() or truth.is_empty():
        return StepReport(failed="the training or validation part holds no row: land more ratings")
    if truth.join(train, on="user", how="semi").is_empty():
        return StepReport(
            failed="no user has both training and validation rows, so there is nobody to judge by:"
            " land more ratings"
        )
    data, base = rating_data(train), ALSParams()

    def judge(chosen: dict[str, Any], report: Callable[[int, float], None]) -> float:
        objective = Objective(chosen["rank"], chosen["regularization"], chosen["alpha"])
        tasks = {"ranking": Task(objective, data.stars)}
        values = []

        def judge_vectors(number: int, fitted: Fitted) -> None:
            if number in (FEW, base.iterations):
                vectors = Vectors(data.users, data.items, *fitted["ranking"])
                task = RankingTask(vectors, data.stars, truth, params.k)
                # Over the users who have both training and validation rows.
                judged = task.metrics_of_block((0, len(data.users)))
                values.append(mean_ranking(judged)["ndcg_at_k"])
                report(number, values[-1])

        fit_in_blocks(session.spark, tasks, base.iterations, base.steps, base.seed, judge_vectors)
        return values[-1]

    search = Search(
        ALS_MODEL,
        "validation_ndcg",
        maximize=True,
        defaults={name: getattr(base, name) for name in ("rank", "regularization", "alpha")},
        suggest=_suggest,
        judge=judge,
        data_version=session.lake.version(INTERACTIONS),
        judged_by=f"lists of {params.k}",
    )
    return run_sweep(session, search, params)


def _suggest(trial: "Trial") -> dict[str, Any]:
    return {
        "rank": trial.suggest_int("rank", 8, 128, log=True),
        "regularization": trial.suggest_float("regularization", 0.01, 2.0, log=True),
        "alpha": trial.suggest_float("alpha", 0.05, 10.0, log=True),
    }
