import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from recsys_assets.cli.app import app
from recsys_assets.cli.evaluate import EvaluationError
from recsys_assets.kernels.splits import COLD_METHODS, METHODS
from recsys_assets.steps.recommenders.parts import MODELS
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.steps.comparison.test_compare import tasteful_ratings


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    names = {"user": "userId", "item": "movieId"}
    tasteful_ratings(60, 40).rename(names).write_csv(path)
    return path


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    path = tmp_path / "movies.csv"
    rows = [
        (n, f"Movie {n} ({1950 + n})", "Drama|War" if n % 3 else "Comedy") for n in range(1, 46)
    ]
    pl.DataFrame(rows, schema=["movieId", "title", "genres"], orient="row").write_csv(path)
    return path


@pytest.mark.parametrize("split", METHODS)
def test_figures_are_shown_and_written_for_every_split(
    recsys: Recsys, ratings: Path, movies: Path, tmp_path: Path, split: str
) -> None:
    out = tmp_path / "new" / "figures.json"
    result = recsys(
        "evaluate", "--ratings", ratings, "--movies", movies, "--split", split, "--ratio", 0.7,
        "--seed", 1, "--k", 5, "--models", "popularity", "--json", out,
    )  # fmt: skip
    assert "popularity" in result.output and "nDCG@5" in result.output
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert figures["protocol"] == {
        "split": split,
        "ratio": 0.7,
        "seed": 1,
        "gap_days": 0.0,
        "k": 5,
    }
    entry = figures["models"]["popularity"]
    assert 0 < entry["ndcg_at_k"] < 1 and entry["fit_seconds"] >= 0
    again = recsys(
        "evaluate", "--ratings", ratings, "--movies", movies, "--split", split, "--ratio", 0.7,
        "--seed", 1, "--k", 5, "--models", "popularity", "--json", out,
    )  # fmt: skip
    assert again.exit_code == 0
    repeated = json.loads(out.read_text(encoding="utf-8"))["models"]["popularity"]
    assert repeated["intervals"] == entry["intervals"] and repeated["map"] == entry["map"]


def test_whole_users_and_whole_items_can_be_held_out(
    recsys: Recsys, ratings: Path, movies: Path, tmp_path: Path
) -> None:
    out = tmp_path / "figures.json"
    options = ["--ratings", ratings, "--movies", movies, "--k", 5, "--json", out]
    told = recsys("evaluate", *options, "--split", "cold-users", "--models", "content").output
    assert "no rating of a user" in told and "5 ratings of a user" in told
    cases = json.loads(out.read_text(encoding="utf-8"))["cases"]
    assert [set(case["models"]) for case in cases] == [{"popularity", "content"}] * 4
    told = recsys("evaluate", *options, "--split", "cold-items", "--models", "content").output
    assert "no rating of an item" in told
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert set(figures["models"]) == {"popular_genres", "newest", "random", "content"}
    assert figures["protocol"]["split"] == "cold-items" and figures["protocol"]["k"] == 5


def test_cold_splits_ask_for_what_they_need(ratings: Path, recsys: Recsys) -> None:
    options = ["evaluate", "--ratings", str(ratings), "--split", "cold-items"]
    result = CliRunner().invoke(app, options)
    assert isinstance(result.exception, EvaluationError) and "--movies" in str(result.exception)
    assert "stand in both parts" in recsys(*options, "--check-leaks", code=2).output


@pytest.mark.parametrize("split", sorted({*METHODS, *COLD_METHODS} - {"global-time"}))
def test_a_gap_is_refused_where_no_split_would_leave_one(
    recsys: Recsys, ratings: Path, split: str
) -> None:
    told = recsys("evaluate", "--ratings", ratings, "--split", split, "--gap-days", 5, code=2)
    assert "global-time" in told.output


@pytest.mark.parametrize("place", [".", "ratings.csv/figures.json"])
def test_where_no_file_can_be_written_is_told_before_the_work(
    recsys: Recsys, ratings: Path, tmp_path: Path, place: str
) -> None:
    out = tmp_path / place
    told = recsys("evaluate", "--ratings", ratings, "--json", out, code=2).output
    assert "training rows" not in told
    told = recsys("evaluate-clicks", ratings, "--page", out, code=2).output
    assert "lines" not in told


def test_figures_replace_no_file_that_was_named_otherwise(
    recsys: Recsys, ratings: Path, tmp_path: Path
) -> None:
    text, page = ratings.read_text(encoding="utf-8"), tmp_path / "figures"
    recsys("evaluate", "--ratings", ratings, "--json", ratings, code=2)
    recsys("evaluate-clicks", ratings, "--json", ratings, code=2)
    told = recsys("evaluate-clicks", ratings, "--json", page, "--page", page, code=2).output
    assert "named twice" in told
    assert ratings.read_text(encoding="utf-8") == text


def test_lists_may_be_longer_than_the_catalogue(recsys: Recsys, ratings: Path) -> None:
    result = recsys("evaluate", "--ratings", ratings, "--models", "popularity", "--k", 500)
    assert "lists are shorter than 500" in " ".join(result.output.split())


def test_help_names_the_models_there_are(recsys: Recsys) -> None:
    assert ", ".join(MODELS) in " ".join(
        recsys("evaluate", "--help").output.replace("│", "").split()
    )


def test_leaks_are_looked_for_when_asked(recsys: Recsys, ratings: Path) -> None:
    result = recsys("evaluate", "--ratings", ratings, "--models", "popularity", "--check-leaks")
    assert "Leak check" in result.output


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("userId,movieId,stars\n1,2,3\n", [], "none of the known forms"),
        ("1::2::3::1000000000\n1::3::3::1000000000\n", [], "nothing to test by"),
        ("1::2::3::1000000000\n1::3::3::1000000000\n", ["--ratio", "1.5"], "above 0 and below 1"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_sentence(
    tmp_path: Path, text: str, options: list[str], message: str
) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["evaluate", "--ratings", str(path), *options])
    assert isinstance(result.exception, EvaluationError)
    assert message in str(result.exception)


def test_every_seed_that_is_taken_draws_every_split(recsys: Recsys, ratings: Path) -> None:
    options = ["evaluate", "--ratings", ratings, "--split", "random", "--models", "popularity"]
    recsys(*options, "--seed", 2**31 - 1)
    assert "--seed" in recsys(*options, "--seed", 2**31, code=2).output


def test_an_unknown_model_or_split_is_asked_wrongly(recsys: Recsys, ratings: Path) -> None:
    assert "moon" in recsys("evaluate", "--ratings", ratings, "--models", "moon", code=2).output
    assert (
        "by-moon" in recsys("evaluate", "--ratings", ratings, "--split", "by-moon", code=2).output
    )


def test_one_rating_to_train_on_is_told_as_too_little(recsys: Recsys, tmp_path: Path) -> None:
    few = tmp_path / "ratings.csv"
    few.write_text("userId,movieId,rating,timestamp\n1,1,3,978300760\n1,2,4,978300761\n")
    told = recsys("evaluate", "--ratings", few, "--split", "chronological", "--ratio", 0.5, code=1)
    assert "one rating is too little to train on" in str(told.exception)
