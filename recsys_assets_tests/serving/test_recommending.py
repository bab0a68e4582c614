"""Stored, filtered and similar lists, held against the tables they were made from."""

from typing import Any

import msgspec
import polars as pl
import pytest
from starlette.testclient import TestClient

from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.recommending import segment_list
from recsys_assets.serving.shapes import answers
from recsys_assets_tests.serving.conftest import Platform


def titles(platform: Platform) -> dict[int, dict[str, object]]:
    rows = platform.home.lake.scan(MOVIE_FEATURES).collect().to_dicts()
    return {row["item"]: row for row in rows}


@pytest.mark.parametrize("k", [1, 7, 20])
def test_a_stored_list_is_the_published_one(newest: TestClient, platform: Platform, k: int) -> None:
    known = titles(platform)
    published = platform.home.lake.scan(TOP_K).filter(pl.col("rank") <= k, user=5).sort("rank")
    body = newest.get(f"/users/5/recommendations?k={k}").content
    answer = msgspec.json.decode(body, type=answers.Recommendations)
    assert (answer.known, answer.source, answer.version) == (True, "stored", platform.new)
    assert (answer.model, answer.model_version, answer.arm) == ("als_model", 1, "champion")
    rows = published.collect().to_dicts()
    assert [r.item for r in answer.recommendations] == [row["item"] for row in rows]
    for got, row in zip(answer.recommendations, rows, strict=True):
        movie = known[row["item"]]
        assert (got.rank, got.reason) == (row["rank"], row["reason"])
        assert got.score == pytest.approx(row["score"], abs=1e-6)
        assert (got.title, got.year, got.genres) == (movie["title"], movie["year"], movie["genres"])


def test_more_than_the_list_holds_is_filled_up_with_what_is_popular(
    newest: TestClient, platform: Platform
) -> None:
    own = newest.get("/users/5/recommendations?k=20").json()["recommendations"]
    more = newest.get("/users/5/recommendations?k=100").json()["recommendations"]
    assert len(own) == 20 and more[:20] == own
    assert [row["rank"] for row in more] == list(range(1, len(more) + 1))
    popular = newest.get("/users/9999/recommendations?k=100").json()["recommendations"]
    seen = platform.home.lake.scan(INTERACTIONS).filter(user=5).collect()["item"].to_list()
    known = {*seen, *(row["item"] for row in own)}
    filled = [row["item"] for row in more[20:]]
    assert filled and filled == [row["item"] for row in popular if row["item"] not in known]
    assert {row["reason"] for row in more[20:]} == {"popular with newcomers or with everybody"}


def test_the_short_way_and_the_long_way_answer_alike(client: TestClient) -> None:
    short = client.get("/users/5/recommendations?k=10")
    long = client.get("/users/5/recommendations?k=10&arm=champion")
    filtered = client.get("/users/5/recommendations?k=10&min_year=0&exclude=999999")
    assert short.content == long.content
    for odd in ("/users/05/recommendations", "/users/5/recommendations?k=010"):
        joint = "&" if "?" in odd else "?"
        long_way = client.get(f"{odd}{joint}arm=champion")
        assert client.get(odd).status_code == long_way.status_code == 422
    assert short.headers.items() >= long.headers.items()
    with_year = [r for r in short.json()["recommendations"] if r["year"]]
    items = [r["item"] for r in filtered.json()["recommendations"]]
    assert [r["item"] for r in with_year] == [
        i for i in items if i in {r["item"] for r in with_year}
    ]


def test_what_filters_leave_is_filled_up_with_what_is_popular(
    newest: TestClient, platform: Platform
) -> None:
    full = newest.get("/users/5/recommendations?k=20").json()["recommendations"]
    first = full[0]["item"]
    asked = f"/users/5/recommendations?k=20&exclude={first}&genre=Drama&min_year=1960"
    left = newest.get(asked).json()["recommendations"]

    def passes(row: dict[str, Any]) -> bool:
        return row["item"] != first and "Drama" in row["genres"] and (row["year"] or 0) >= 1960

    own = [row["item"] for row in full if passes(row)]
    assert 0 < len(own) < 20
    assert [row["item"] for row in left[: len(own)]] == own
    assert all(passes(row) for row in left)
    assert [row["rank"] for row in left] == list(range(1, len(left) + 1))
    filled = [row["item"] for row in left[len(own) :]]
    seen = platform.home.lake.scan(INTERACTIONS).filter(user=5).collect()["item"].to_list()
    popular = newest.get("/users/9999/recommendations?k=100&genre=Drama&min_year=1960").json()
    wanted = [row["item"] for row in popular["recommendations"]]
    assert filled == [item for item in wanted if item not in {*seen, *own, first}][: len(filled)]
    assert filled and {row["reason"] for row in left[len(own) :]} == {"popular in this genre"}


def test_nobody_is_shown_what_they_have_seen(newest: TestClient, platform: Platform) -> None:
    seen = platform.home.lake.scan(INTERACTIONS).filter(user=5).collect()["item"].to_list()
    answer = newest.get("/users/5/recommendations?k=100").json()
    assert not {r["item"] for r in answer["recommendations"]} & set(seen)
    candidates = [{"item": item} for item in [*seen, 2, 4]]
    asked = {"user": 5, "candidates": candidates, "exclude_seen": True}
    ranked = newest.post("/rank", json=asked).json()["ranked"]
    assert {r["item"] for r in ranked} == {2, 4} - set(seen)


def test_who_rated_but_has_no_list_is_not_shown_what_they_have_seen(platform: Platform) -> None:
    seen = platform.home.lake.scan(INTERACTIONS).filter(user=5).collect()["item"].to_list()
    bundle = platform.bundle(platform.new)
    answer = msgspec.json.decode(segment_list("champion", bundle, 5, 100, Filters()))
    left = {row["item"] for row in answer["recommendations"]}
    assert left == set(bundle.catalogue.ids.tolist()) - set(seen)


def test_an_unknown_user_gets_the_segment_and_is_told_so(client: TestClient) -> None:
    answer = msgspec.json.decode(
        client.get("/users/2147483647/recommendations?k=3").content, type=answers.Recommendations
    )
    assert (answer.known, answer.source, answer.segment) == (False, "segment", "everybody")
    assert [r.item for r in answer.recommendations] == [2, 4, 6]
    drama = client.get("/users/9999/recommendations?k=3&genre=Drama").json()
    assert drama["segment"] == "genre Drama"
    assert all("Drama" in r["genres"] for r in drama["recommendations"])
    assert 'recsys_fallbacks_total{segment="everybody"}' in client.get("/metrics").text


def test_similar_items_are_the_published_ones(newest: TestClient, platform: Platform) -> None:
    rows = platform.home.lake.scan(SIMILAR_ITEMS).filter(item=8).sort("rank").collect()
    body = newest.get("/items/8/similar?k=5").content
    answer = msgspec.json.decode(body, type=answers.SimilarAnswer)
    assert [r.item for r in answer.similar] == rows["similar_item"].head(5).to_list()
    assert newest.get("/items/9/similar").status_code == 404


def test_movies_are_found_by_words(client: TestClient) -> None:
    found = client.get("/items?q=STORY%2013&k=5").json()["items"]
    assert [f["item"] for f in found] == [28]
    popular = client.get("/items?k=2").json()["items"]
    assert [f["item"] for f in popular] == [2, 4]
