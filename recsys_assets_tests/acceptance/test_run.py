"""The command as people use it: in processes of its own, on a small home, killed halfway."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from recsys_assets.home import Home
from recsys_assets_tests.acceptance.commands import SMALL, copy_of, environment, recsys
from recsys_assets_tests.acceptance.conftest import said_by
from recsys_assets_tests.planted import MARK, PLANTED, holding

pytestmark = pytest.mark.slow

NOT_DATA = {"run_id", "model_version"}
DECISIONS = {"promotion", "click_promotion"}
"""Tables about the models of a run, which are new each time."""


def kill_during(home: Path, step: str, *words: str) -> str:
    """Run the graph and kill the process as soon as a step has begun; what it had said."""
    command = [sys.executable, "-m", "recsys_assets.cli", "run", *words]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.strip() == f"… {step}":
                process.send_signal(signal.SIGKILL)
                break
        process.wait(timeout=60)
    return said


def tables(home: Path) -> dict[str, pl.DataFrame]:
    """Every table in a fixed order, without what names the run that wrote it."""
    lake = Home(root=home).lake
    frames = {}
    for name in set(lake.names()) - DECISIONS:
        frame = lake.scan(name).collect()
        kept = [column for column in frame.columns if column not in NOT_DATA]
        plain = [c for c in kept if not isinstance(frame.schema[c], pl.List)]
        frames[name] = frame.select(kept).sort(plain)
    return frames


def test_every_line_is_accounted_for(undisturbed: Path) -> None:
    status = json.loads(recsys(undisturbed, "status", "--json").stdout)
    assert {file["dataset"] for file in status["files"]} == {"ratings", "movies", "clicks"}
    assert all(f["read"] == f["accepted"] + f["quarantined"] for f in status["files"])
    for dataset in ("ratings", "movies", "clicks"):
        accepted = sum(f["accepted"] for f in status["files"] if f["dataset"] == dataset)
        assert status["tables"][dataset]["rows"] == accepted
    assert set(status["tables"]["ratings"]["checks"].values()) == {"passed"}


def test_a_second_time_changes_nothing(undisturbed: Path, tmp_path: Path) -> None:
    before = tables(undisturbed)
    home = copy_of(undisturbed, tmp_path / "home")
    again = recsys(home, "generate", *SMALL)
    assert "landed 0 new files" in again.stdout
    assert recsys(home, "run").returncode == 0
    after = tables(home)
    assert before.keys() == after.keys()
    for name, frame in before.items():
        assert after[name].equals(frame), name


def test_no_secret_of_its_environment_is_written_down(undisturbed: Path) -> None:
    """Tables, MLflow, Dagster's databases, logs and reports of a run, searched to the byte."""
    health = recsys(undisturbed, "health", "--no-location", **PLANTED)
    assert (undisturbed / "mlflow" / "mlflow.db").is_file()
    assert holding(undisturbed) == []
    said = said_by(undisturbed).read_text(encoding="utf-8")
    assert "succeeded" in said
    assert MARK not in said + health.stdout + health.stderr


def test_recommendations_have_titles_and_reasons(undisturbed: Path) -> None:
    answer = json.loads(recsys(undisturbed, "recommend", "1", "--json").stdout)
    assert answer["known"]
    assert [row["rank"] for row in answer["recommendations"]] == list(range(1, 11))
    assert all(row["title"] and row["reason"] for row in answer["recommendations"])
    unknown = json.loads(recsys(undisturbed, "recommend", "999999", "--json").stdout)
    assert not unknown["known"]
    assert unknown["recommendations"]


def test_killed_in_every_stage_and_run_again_equals_undisturbed(
    undisturbed: Path, tmp_path: Path
) -> None:
    home = tmp_path / "killed"
    assert recsys(home, "generate", *SMALL).returncode == 0
    for step in ("validate_ratings", "click_model"):
        assert f"… {step}" in kill_during(home, step)
    # What is left to do, as somebody would who saw where the run was killed.
    assert "… als_model" in kill_during(home, "als_model", "--select=interactions+,click_features+")
    assert "… rank_model" in kill_during(home, "rank_model", "--select=interactions+")
    assert "… ranking_evaluation" in kill_during(home, "ranking_evaluation", "--select=rank_model+")
    assert "… top_k" in kill_during(home, "top_k", "--select=ranking_evaluation+")
    left = "--select=click_drift,click_evaluation+,user_features,user_segments,similar_items,top_k+"
    finished = recsys(home, "run", left)
    assert finished.returncode == 0, finished.stderr
    expected, found = tables(undisturbed), tables(home)
    assert expected.keys() == found.keys()
    for name, frame in expected.items():
        assert found[name].equals(frame), name


def test_asked_wrongly_it_says_what_to_do(tmp_path: Path) -> None:
    nothing = recsys(tmp_path / "empty", "run")
    assert nothing.returncode == 2
    assert "recsys land" in nothing.stderr
    missing = recsys(tmp_path / "empty", "recommend", "1")
    assert missing.returncode == 1
    assert "top_k" in missing.stderr
    table = recsys(tmp_path / "empty", "history", "nonsense")
    assert table.returncode == 1
    assert "nonsense" in table.stderr
