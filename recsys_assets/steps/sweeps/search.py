"""A search for better parameters that can be broken off and resumed.

    study in the lake's journal -> trials, judged on the validation part -> best_params
                                -> one MLflow run per trial, nested in the sweep's own

Optuna's tree-structured Parzen estimator proposes (Bergstra et al., "Algorithms for hyper-parameter
optimization", 2011), its median rule prunes. The first trial are the defaults, so that the best is
never worse than they are; where they are the best, nothing is taken over. A study belongs to one
version of the data and one way of judging: figures on other rows, or of longer lists, are not
comparable.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys_assets.contracts.best_params import BEST_PARAMS
from recsys_assets.kernels.plots.sweeps import search_history
from recsys_assets.registry.trials import log_trial
from recsys_assets.steps.report import Cell, StepReport
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import SweepParams, keep_best
from recsys_assets.steps.sweeps.journal import Journal, open_journal

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial


@dataclass(frozen=True)
class Search:
    """What is searched."""

    model: str
    """Name of the model whose training takes the result over."""
    metric: str
    maximize: bool
    defaults: dict[str, Any]
    """The first trial."""
    suggest: "Callable[[Trial], dict[str, Any]]"
    """Draws the parameters of a trial."""
    judge: "Callable[[dict[str, Any], Callable[[int, float], None]], float]"
    """Parameters, and what to call with stage and figure on the way → figure on validation rows."""
    data_version: int
    judged_by: str = ""
    """What else figures depend on, where there is a choice: rows, or the length of lists."""

    @property
    def study(self) -> str:
        """Name of the study: figures of one name are comparable."""
        return f"{self.model} on version {self.data_version}" + (
            self.judged_by and f", {self.judged_by}"
        )


def run_sweep(session: Session, search: Search, params: SweepParams) -> StepReport:
    """Run what is left of the budget, keep the best, tell how it went."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with open_journal(session.lake.root, search.model) as journal:
        return _search(session, search, params, journal)


def _search(session: Session, search: Search, params: SweepParams, journal: Journal) -> StepReport:
    study = _open(journal, search, params)
    before = len(_ended(study))
    # Trials that wait are the defaults: whatever is left, their figure is told, so it is measured.
    waiting = sum(trial.state.name == "WAITING" for trial in study.trials)
    left = max(params.trials - before, waiting)
    run = session.registry.start_run(f"{search.model}_sweep", _tags(session, search))
    try:
        if left > 0:
            study.optimize(
                lambda trial: _try(trial, search, params.prune),
                n_trials=left,
                timeout=60.0 * params.minutes,
                callbacks=[
                    lambda _, trial: _log(session, run.mlflow_run_id, search, trial),
                    lambda *_: journal.keep(),
                ],
            )
    except BaseException:
        session.registry.end_run(run, {}, "FAILED")
        raise
    ended = _ended(study)
    done = [trial for trial in ended if trial.state.name == "COMPLETE"]
    defaults = next((t for t in done if t.user_attrs["params"] == search.defaults), None)
    if defaults is None:
        session.registry.end_run(run, {})
        return StepReport(failed="no trial ended: allow more minutes")
    best, of_defaults = study.best_trial, float(defaults.value or 0.0)
    chosen = best.user_attrs["params"]
    version = keep_best(
        session,
        search.model,
        # Defaults that follow from the rows are those of the rows searched on: training has others.
        {} if chosen == search.defaults else chosen,
        metric=search.metric,
        value=float(best.value or 0.0),
        default_value=of_defaults,
        trials=len(ended),
        data_version=search.data_version,
    )
    report = StepReport(
        rows={BEST_PARAMS: session.lake.open(BEST_PARAMS, version).count()},
        versions={BEST_PARAMS: version},
        figures={
            "trials": len(ended),
            "pruned": len(ended) - len(done),
            "new_trials": len(ended) - before,
            f"best {search.metric}": float(best.value or 0.0),
            f"{search.metric} of the defaults": of_defaults,
        },
        tables={"Best trials": _rows(done, defaults, search)},
    )
    report.draw("Search", lambda: _draw_history(ended, of_defaults, search))
    report.draw("Parameters", lambda: _draw_params(done, search))
    session.registry.log_files(run, {f"plots/{t.lower()}.png": p for t, p in report.plots.items()})
    session.registry.end_run(run, {f"best_{search.metric}": float(best.value or 0.0)})
    report.links["MLflow run"] = run.link
    return report


def _open(journal: Journal, search: Search, params: SweepParams) -> "Study":
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(journal.local)))
    study = optuna.create_study(
        storage=storage,
        study_name=search.study,
        direction="maximize" if search.maximize else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_min_trials=5),
        load_if_exists=True,
    )
    # By the same seed a search that goes on would draw again what it has tried already.
    seed = params.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    if not any(_holds(trial, search.defaults) for trial in study.trials):
        study.enqueue_trial(search.defaults)
    return study


def _holds(trial: "FrozenTrial", defaults: dict[str, Any]) -> bool:
    """Whether a trial has judged the defaults, or is about to; one that was given up has not."""
    if trial.state.name == "WAITING":
        return bool(trial.system_attrs.get("fixed_params") == defaults)
    return trial.state.name == "COMPLETE" and trial.user_attrs["params"] == defaults


def _try(trial: "Trial", search: Search, prune: bool) -> float:
    from optuna import TrialPruned

    chosen = search.suggest(trial)
    trial.set_user_attr("params", chosen)

    def report(stage: int, value: float) -> None:
        trial.report(value, stage)
        # The defaults are what the best is held against: they are judged to the end.
        if prune and chosen != search.defaults and trial.should_prune():
            raise TrialPruned

    return search.judge(chosen, report)


def _ended(study: "Study") -> "list[FrozenTrial]":
    """Trials that have a result: a killed process leaves one that has none."""
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _tags(session: Session, search: Search) -> dict[str, str]:
    return {"dagster/run_id": session.run_id, "data_version": str(search.data_version)}


def _log(session: Session, parent: str, search: Search, trial: "FrozenTrial") -> None:
    """One nested run per trial, with its curve."""
    log_trial(
        session.registry,
        parent,
        f"trial {trial.number}",
        trial.user_attrs.get("params", {}),
        {search.metric: trial.value} if trial.state.name == "COMPLETE" and trial.value else {},
        {f"{search.metric} on the way": trial.intermediate_values},
        pruned=trial.state.name == "PRUNED",
    )


def _rows(
    done: "list[FrozenTrial]", defaults: "FrozenTrial", search: Search
) -> list[dict[str, Cell]]:
    """The ten best trials, and the defaults."""
    ranked = sorted(done, key=lambda t: t.value or 0.0, reverse=search.maximize)
    shown = [trial for place, trial in enumerate(ranked) if place < 10 or trial is defaults]
    return [
        {"trial": trial.number, search.metric: trial.value, **trial.user_attrs["params"]}
        for trial in shown
    ]


def _draw_history(ended: "list[FrozenTrial]", of_defaults: float, search: Search) -> bytes:
    values = [
        math.nan if trial.value is None or trial.state.name != "COMPLETE" else trial.value
        for trial in ended
    ]
    return search_history(values, search.metric, search.maximize, of_defaults)


def _draw_params(done: "list[FrozenTrial]", search: Search) -> bytes:
    from recsys_assets.kernels.plots.sweeps import parameter_panels

    names = list(search.defaults)
    values = {name: [float(t.user_attrs["params"][name]) for t in done] for name in names}
    return parameter_panels(values, [float(t.value or 0.0) for t in done], search.metric)
