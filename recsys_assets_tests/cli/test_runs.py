"""What `recsys run` runs."""

import datetime
from pathlib import Path

import dagster as dg
import pytest
import typer

from recsys_assets.assets.partitions import DATES, RANGE_END, RANGE_START
from recsys_assets.automation.asked_runs import ask_for
from recsys_assets.cli.runs import _job_of, _wanted, selected_assets
from recsys_assets.definitions import defs
from recsys_assets.resources.storage import Storage


def names(select: str) -> set[str]:
    keys = selected_assets(defs, select)
    assert keys is not None
    return {key.to_user_string() for key in keys}


def test_a_table_is_selected_with_what_is_set_apart_from_it() -> None:
    assert names("ratings") == {"ratings", "quarantine_ratings"}
    assert names("quarantine_movies, als_model") == {"movies", "quarantine_movies", "als_model"}


def test_a_selection_takes_in_what_follows() -> None:
    assert {"als_model", "top_k", "serving_bundle"} <= names("als_model+")
    assert {"rank_model", "promotion", "top_k", "lookup_lists", "digests"} <= names("rank_model+")
    assert "user_features" not in names("rank_model+")
    assert "lookup_lists" not in names("rank_model+1")
    assert {"ratings", "interactions", "rank_model", "promotion"} <= names("+top_k")
    assert names('group:"nothing" or key:"top_k"') == {"top_k"}


@pytest.mark.parametrize("select", ["nonsense", "ratings,nonsense", "als_model++x", ""])
def test_a_selection_of_nothing_is_told(select: str) -> None:
    with pytest.raises(typer.BadParameter, match="--select"):
        selected_assets(defs, select)


def test_without_a_selection_everything_daily_runs() -> None:
    assert selected_assets(dg.Definitions(), None) is None


def test_what_is_left_out_of_a_selection_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    name, keys = _job_of(defs, selected_assets(defs, "als_sweep,als_model"))
    assert (name, keys) == ("main", [dg.AssetKey("als_model")])
    assert "--select als_sweep" in capsys.readouterr().out


def test_drops_that_lie_far_before_the_others_are_validated_first() -> None:
    days = [datetime.date(2020, 1, 1), datetime.date(2026, 1, 3), datetime.date(2026, 1, 31)]
    old, recent = _wanted(defs, None, days, whole_range=False)
    assert (old.job, recent.job, recent.assets) == ("ingest", "main", None)
    assert {"ratings", "quarantine_clicks", "landing/movies"} <= set(old.assets or [])
    assert [run.tags[DATES] for run in (old, recent)] == ["2020-01-01", "2026-01-03,2026-01-31"]
    assert [run.assets for run in _wanted(defs, "ratings+", days, whole_range=False)][:1] == [
        ["quarantine_ratings", "ratings"]
    ]
    (models,) = _wanted(defs, "als_model", days, whole_range=False)
    assert models.assets == ["als_model"]
    (chosen,) = _wanted(defs, None, [days[0], days[-1]], whole_range=True)
    assert (chosen.tags[RANGE_START], chosen.tags[RANGE_END]) == ("2020-01-01", "2026-01-31")


def test_the_daemon_can_start_whatever_is_asked_of_it(tmp_path: Path) -> None:
    storage = Storage(home=str(tmp_path))
    days = [datetime.date(2020, 1, 1), datetime.date(2026, 1, 31)]
    runs = [
        run
        for select in (None, "backtest")
        for run in _wanted(defs, select, days, whole_range=False)
    ]
    for run in runs:
        ask_for(storage.state.asked_runs, run)
    repository = defs.get_repository_def()
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance, resources={"storage": storage}, repository_def=repository
        ) as context,
    ):
        tick = repository.get_sensor_def("start_asked_runs").evaluate_tick(context)
    started = {request.job_name for request in tick.run_requests or []}
    assert started == {run.job for run in runs} == {"ingest", "main", "weekly"}
