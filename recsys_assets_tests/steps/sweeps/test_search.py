"""Searches: they keep the best, resume, nest their trials, and the next training takes over."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys_assets.contracts.best_params import BEST_PARAMS, BestParams
from recsys_assets.contracts.click_tables import CLICK_FEATURES
from recsys_assets.contracts.clicks import LABEL
from recsys_assets.kernels.encode import MARGIN, feature_names
from recsys_assets.steps.als.sweep import ALSSweepParams, sweep_als_params
from recsys_assets.steps.als.train import ALS_MODEL, ALSParams, train_als
from recsys_assets.steps.clicks.model import ClickModelParams
from recsys_assets.steps.clicks.sweep import ClickSweepParams, sweep_click_params
from recsys_assets.steps.session import Session
from recsys_assets.steps.sweeps.best_params import SweepParams, keep_best, take_over
from recsys_assets.steps.sweeps.search import Search, run_sweep
from recsys_assets_tests.steps.tables import random_interactions, write_interactions


def parabola(**changes: object) -> Search:
    """A figure that is best at x = 3; the default is 0."""

    def judge(chosen: dict[str, float], report: object) -> float:
        value = (chosen["x"] - 3.0) ** 2
        for stage in range(3):
            report(stage, value)  # type: ignore[operator]
        return value

    known = {
        "model": "toy",
        "metric": "loss",
        "maximize": False,
        "defaults": {"x": 0.0},
        "suggest": lambda trial: {"x": trial.suggest_float("x", -10, 10)},
        "judge": judge,
        "data_version": 1,
    }
    return Search(**(known | changes))  # type: ignore[arg-type]


def best_of(session: Session, model: str) -> dict[str, object]:
    return session.lake.scan(BEST_PARAMS).filter(model=model).collect().row(0, named=True)


def children(session: Session, name: str) -> list[object]:
    client = session.registry.client()
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments)
    parents = {run.info.run_id for run in runs if run.info.run_name == f"{name}_sweep"}
    return [run for run in runs if run.data.tags.get("mlflow.parentRunId") in parents]


def test_rows_of_all_models_are_counted(session: Session) -> None:
    run_sweep(session, parabola(), SweepParams(trials=1))
    report = run_sweep(session, parabola(model="other"), SweepParams(trials=1))
    assert report.rows == {BEST_PARAMS: 2}


def test_the_best_trial_is_kept_and_is_no_worse_than_the_defaults(session: Session) -> None:
    report = run_sweep(session, parabola(), SweepParams(trials=12))
    BestParams.validate(session.lake.scan(BEST_PARAMS).collect())
    best = best_of(session, "toy")
    assert best["default_value"] == 9.0
    assert best["value"] < 4
    assert json.loads(str(best["params"]))["x"] == pytest.approx(3, abs=2)
    assert report.figures["trials"] == 12
    assert set(report.plots) == {"Search", "Parameters"}


def test_a_search_goes_on_where_it_broke_off(session: Session) -> None:
    class BrokenOff(Exception):
        """Somebody pulled the plug."""

    calls = 0

    def judge(chosen: dict[str, float], report: object) -> float:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise BrokenOff
        return (chosen["x"] - 3.0) ** 2

    search = parabola(judge=judge)
    with pytest.raises(BrokenOff):
        run_sweep(session, search, SweepParams(trials=6))
    report = run_sweep(session, search, SweepParams(trials=6))
    # Three trials before the break, the broken one, three more.
    assert calls == 7
    assert report.figures["trials"] == 6
    assert run_sweep(session, search, SweepParams(trials=6)).figures["trials"] == 6
    assert calls == 7


def test_other_data_begin_another_search(session: Session) -> None:
    run_sweep(session, parabola(), SweepParams(trials=3))
    report = run_sweep(session, parabola(data_version=2), SweepParams(trials=2))
    assert report.figures["trials"] == 2


def test_hopeless_trials_are_pruned_and_every_trial_is_a_nested_run(session: Session) -> None:
    report = run_sweep(session, parabola(), SweepParams(trials=20))
    runs = children(session, "toy")
    assert len(runs) == 20
    states = [run.data.tags["state"] for run in runs]  # type: ignore[attr-defined]
    assert states.count("pruned") == report.figures["pruned"] > 0
    assert all("x" in run.data.params for run in runs)  # type: ignore[attr-defined]
    assert (
        run_sweep(session, parabola(data_version=2), SweepParams(trials=8, prune=False)).figures[
            "pruned"
        ]
        == 0
    )


def test_minutes_bound_a_search(session: Session) -> None:
    report = run_sweep(session, parabola(), SweepParams(trials=10_000, minutes=0.01))
    assert 1 <= int(report.figures["trials"]) < 1_000


def test_training_takes_over_what_was_found_unless_it_is_set(session: Session) -> None:
    found = {"leaves": 9, "learning_rate": 0.07}
    keep_best(
        session, "click_model", found,
        metric="loss", value=1.0, default_value=2.0, trials=3, data_version=0,
    )  # fmt: skip
    params, words = take_over(session, "click_model", ClickModelParams())
    assert (params.leaves, params.learning_rate) == (9, 0.07)
    assert "by the sweep of" in words
    assert "leaves 9" in words
    params, words = take_over(session, "click_model", ClickModelParams(leaves=20))
    assert (params.leaves, params.learning_rate) == (20, 0.07)
    assert "by hand: leaves 20" in words
    params, words = take_over(session, "click_model", ClickModelParams(use_best=False))
    assert params.leaves is None
    assert words == "else defaults"
    assert take_over(session, "other", ClickModelParams())[1] == "else defaults"


def test_where_the_defaults_are_the_best_training_keeps_its_own(session: Session) -> None:
    # Searched on fewer rows than training has, which settles the leaves by its own.
    defaults = {"leaves": ClickModelParams().for_rows(300_000).leaves}
    search = parabola(
        model="click_model",
        defaults=defaults,
        suggest=lambda trial: {"leaves": trial.suggest_int("leaves", 3, 63)},
        judge=lambda chosen, report: float(chosen != defaults),
    )
    run_sweep(session, search, SweepParams(trials=4))
    params, words = take_over(session, "click_model", ClickModelParams())
    assert params.for_rows(3_000_000) == ClickModelParams().for_rows(3_000_000)
    assert words == "else defaults"


def test_als_is_searched_by_validation_rows_and_trained_with_the_best(session: Session) -> None:
    rows = random_interactions()
    write_interactions(session.lake, rows)
    report = sweep_als_params(session, ALSSweepParams(trials=4, k=5))
    assert not report.failed
    best = json.loads(str(best_of(session, ALS_MODEL)["params"]))
    assert set(best) == {"rank", "regularization", "alpha"}
    trained = train_als(session, ALSParams())
    assert trained.figures["rank"] == best["rank"]
    assert "by the sweep of" in str(trained.figures["params_from"]) or best["rank"] == 64
    value = best_of(session, ALS_MODEL)["value"]
    # Test rows are not read: without them the search finds the same.
    write_interactions(session.lake, [row for row in rows if row[4] != "test"])
    sweep_als_params(session, ALSSweepParams(trials=4, k=5))
    assert best_of(session, ALS_MODEL)["value"] == pytest.approx(value)


def test_lists_of_another_length_are_another_search(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    sweep_als_params(session, ALSSweepParams(trials=2, k=2))
    of_two = best_of(session, ALS_MODEL)
    report = sweep_als_params(session, ALSSweepParams(trials=2, k=20))
    assert report.figures["new_trials"] == 2
    assert best_of(session, ALS_MODEL)["default_value"] != of_two["default_value"]


def test_click_settings_are_searched_by_validation_rows(session: Session) -> None:
    rng = np.random.default_rng(1)
    for split, rows in (("train", 3_000), ("validation", 600)):
        values = rng.normal(size=(rows, len(feature_names()))).astype(np.float32)
        odds = values[:, 0] + values[:, 1] - 1
        label = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int8)
        frame = pl.DataFrame(values, schema=feature_names()).with_columns(
            pl.Series(LABEL, label),
            pl.lit(split).alias("split"),
            pl.lit(0.0, pl.Float32).alias(MARGIN),
        )
        session.lake.write_frame(frame, CLICK_FEATURES, {"split": split})
    clicks = pl.DataFrame({LABEL: [0, 1]})
    session.lake.write_frame(clicks, "clicks")
    report = sweep_click_params(session, ClickSweepParams(trials=6))
    assert not report.failed
    best = best_of(session, "click_model")
    assert best["value"] <= best["default_value"]
    assert 3 <= json.loads(str(best["params"]))["leaves"] <= 63


def test_nothing_to_search_on(session: Session) -> None:
    assert sweep_als_params(session, ALSSweepParams()).skipped
    assert sweep_click_params(session, ClickSweepParams()).skipped


def test_nobody_to_judge_als_by_is_told(session: Session) -> None:
    strangers = [(1, 1, 4.0, 0, "train"), (2, 1, 4.0, 0, "validation")]
    write_interactions(session.lake, strangers)
    report = sweep_als_params(session, ALSSweepParams(trials=1))
    assert "no user has both training and validation rows" in report.failed


def test_the_defaults_are_tried_though_the_first_trial_was_broken_off(session: Session) -> None:
    calls = 0

    def judge(chosen: dict[str, float], report: object) -> float:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyboardInterrupt
        return 0.0 if chosen["x"] == 0.0 else 1.0 + chosen["x"] ** 2

    with pytest.raises(KeyboardInterrupt):
        run_sweep(session, parabola(judge=judge), SweepParams(trials=6))
    run_sweep(session, parabola(judge=judge), SweepParams(trials=6))
    assert best_of(session, "toy")["value"] == best_of(session, "toy")["default_value"] == 0.0


def test_the_figure_of_other_defaults_is_measured_though_no_trial_is_left(session: Session) -> None:
    run_sweep(session, parabola(), SweepParams(trials=12, prune=False))
    # Worse than all others on the way: whoever is not the defaults would be given up.
    report = run_sweep(session, parabola(defaults={"x": -10.0}), SweepParams(trials=12))
    best = best_of(session, "toy")
    assert best["default_value"] == report.figures["loss of the defaults"] == 169.0
    assert float(str(best["value"])) < 4
    assert report.figures["new_trials"] == 1
    rows = report.tables["Best trials"]
    assert len(rows) == 11 and rows[-1]["x"] == -10.0
    assert (
        run_sweep(session, parabola(defaults={"x": -10.0}), SweepParams(trials=12)).figures[
            "new_trials"
        ]
        == 0
    )


def test_a_search_that_goes_on_draws_what_it_has_not_tried(session: Session) -> None:
    tried: list[float] = []

    def judge(chosen: dict[str, float], report: object) -> float:
        tried.append(chosen["x"])
        return (chosen["x"] - 3.0) ** 2

    for trials in (4, 8):
        run_sweep(session, parabola(judge=judge), SweepParams(trials=trials))
    assert len(set(tried)) == 8


def test_figures_on_other_rows_are_another_search(session: Session) -> None:
    run_sweep(session, parabola(judged_by="10 rows"), SweepParams(trials=3))
    report = run_sweep(session, parabola(judged_by="20 rows"), SweepParams(trials=3))
    assert report.figures["new_trials"] == 3


def test_a_search_that_fails_leaves_no_run_open(session: Session) -> None:
    def judge(chosen: dict[str, float], report: object) -> float:
        raise KeyError("no such column")

    with pytest.raises(KeyError):
        run_sweep(session, parabola(model="broken", judge=judge), SweepParams(trials=3))
    client = session.registry.client()
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = {run.info.run_name: run.info.status for run in client.search_runs(experiments)}
    assert runs["broken_sweep"] == "FAILED"


def test_a_journal_that_was_cut_off_goes_on(session: Session) -> None:
    run_sweep(session, parabola(), SweepParams(trials=3))
    with (Path(session.lake.root) / "_sweeps" / "toy.log").open("a", encoding="utf-8") as journal:
        journal.write('{"op_code": 5, "wor')
    assert run_sweep(session, parabola(), SweepParams(trials=5)).figures["trials"] == 5
