import json

import polars as pl
import pytest
from typer.testing import CliRunner

from recsys_assets.cli.app import app
from recsys_assets.contracts.features import Interactions, MovieFeatures
from recsys_assets.contracts.recommendations import PopularMovies, TopK, UserSegments
from recsys_assets.contracts.schema import Model, polars_schema
from recsys_assets.home import Home


def write(home: Home, table: str, model: Model, rows: list[tuple[object, ...]]) -> None:
    home.lake.write_frame(pl.DataFrame(rows, schema=polars_schema(model), orient="row"), table)


@pytest.fixture
def told(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with two lists, and the command pointed at it."""
    monkeypatch.setenv("RECSYS_HOME", str(home.root))
    write(
        home,
        "top_k",
        TopK,
        [
            (1, 2, 6, 0.4, "because you rated Five", 5, "als_model", 1),
            (1, 1, 7, 0.5, "because you rated Five", 5, "als_model", 1),
            (2, 1, 5, 0.5, "because you rated Six", 6, "als_model", 1),
        ],
    )
    write(
        home,
        "movie_features",
        MovieFeatures,
        [(n, name, 1990, [], 1, 3.0, 1) for n, name in ((6, "Six"), (7, "Seven"))],
    )
    popular = [(1, 6, "Six", 30, 4.5, 2), (2, 7, "Seven", 90, 4.0, 1)]
    write(home, "popular_movies", PopularMovies, list(popular))
    return home


def ask(*words: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["recommend", *words, "--json"])
    assert result.exit_code == 0, result.output
    answer: dict[str, object] = json.loads(result.output)
    return answer


def test_a_known_user_gets_their_list(told: Home) -> None:
    answer = ask("1")
    rows = answer["recommendations"]
    assert answer["known"] is True and isinstance(rows, list)
    assert [(row["rank"], row["title"]) for row in rows] == [(1, "Seven"), (2, "Six")]
    assert rows[0]["reason"] == "because you rated Five"


def test_k_shortens_the_list(told: Home) -> None:
    rows = ask("1", "--k", "1")["recommendations"]
    assert isinstance(rows, list) and len(rows) == 1


def test_an_unknown_user_gets_what_is_popular(told: Home) -> None:
    answer = ask("99")
    rows = answer["recommendations"]
    assert answer["known"] is False and isinstance(rows, list)
    assert [row["title"] for row in rows] == ["Seven", "Six"]


def test_an_unknown_user_gets_first_what_newcomers_rate(told: Home) -> None:
    reason = "popular among newcomers"
    lists = [("newcomers", 2, 6), ("newcomers", 1, 8), ("Drama", 1, 9)]
    rows = [(name, rank, item, f"Film {item}", 1.0 / rank, reason) for name, rank, item in lists]
    write(told, "user_segments", UserSegments, list(rows))
    shown = ask("99", "--k", "3")["recommendations"]
    assert isinstance(shown, list)
    assert [(row["rank"], row["item"], row["reason"]) for row in shown] == [
        (1, 8, reason),
        (2, 6, reason),
        (3, 7, "popular with everybody"),
    ]


def test_who_rated_but_has_no_list_is_not_shown_what_they_have_seen(told: Home) -> None:
    write(told, "interactions", Interactions, [(99, 7, 4.0, 1, "train")])
    rows = ask("99")["recommendations"]
    assert isinstance(rows, list)
    assert [(row["rank"], row["title"]) for row in rows] == [(1, "Six")]
    write(told, "interactions", Interactions, [(99, n, 4.0, 1, "train") for n in (6, 7)])
    said = CliRunner().invoke(app, ["recommend", "99"]).output
    assert "nothing is popular that they have not rated" in " ".join(said.split())


def test_people_are_told_that_a_user_is_unknown(told: Home) -> None:
    result = CliRunner().invoke(app, ["recommend", "99"])
    assert "user 99 has no list" in result.output and "Seven" in result.output


def test_an_item_is_written_as_it_is_asked_for(told: Home) -> None:
    write(told, "top_k", TopK, [(9, 1, 1036, 0.5, "popular", None, "als_model", 1)])
    shown = CliRunner().invoke(app, ["recommend", "9"])
    assert "1036" in shown.output
