"""What the service answers, held against the tables and the types it documents."""

import json
import math

import msgspec
import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.features import INTERACTIONS, MOVIE_FEATURES
from recsys_assets.contracts.offers import OFFERS
from recsys_assets.contracts.recommendations import SIMILAR_ITEMS, TOP_K
from recsys_assets.kernels.encode import feature_names
from recsys_assets.serving.clicks import FIELDS
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.operations import OPERATIONS
from recsys_assets.serving.pointer import promote
from recsys_assets.serving.shapes import answers
from recsys_assets_tests.serving.conftest import Platform, Start
from recsys_assets_tests.serving.published import clicks

CATEGORY = "68fd1e64"


@pytest.fixture
def newest(platform: Platform, start: Start) -> TestClient:
    """A service of the tables as they stand in the lake."""
    client = start(bundles=platform.home.bundles)
    promote(platform.home.bundles, platform.new)
    return start(bundles=platform.home.bundles) if client.get("/ready").is_error else client


def titles(platform: Platform) -> dict[int, dict[str, object]]:
    rows = platform.home.lake.scan(MOVIE_FEATURES).collect().to_dicts()
    return {row["item"]: row for row in rows}


@pytest.mark.parametrize("k", [1, 7, 20, 100])
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


def test_the_short_way_and_the_long_way_answer_alike(client: TestClient) -> None:
    short = client.get("/users/5/recommendations?k=10")
    long = client.get("/users/5/recommendations?k=10&arm=champion")
    filtered = client.get("/users/5/recommendations?k=10&min_year=0&exclude=999999")
    assert short.content == long.content
    assert short.headers.items() >= long.headers.items()
    with_year = [r for r in short.json()["recommendations"] if r["year"]]
    items = [r["item"] for r in filtered.json()["recommendations"]]
    assert [r["item"] for r in with_year] == [
        i for i in items if i in {r["item"] for r in with_year}
    ]


def test_filters_leave_out_what_they_say(client: TestClient) -> None:
    full = client.get("/users/5/recommendations?k=20").json()["recommendations"]
    first = full[0]["item"]
    asked = f"/users/5/recommendations?k=20&exclude={first}&genre=Drama&min_year=1960"
    left = client.get(asked).json()["recommendations"]
    expected = [
        r["item"]
        for r in full
        if r["item"] != first and "Drama" in r["genres"] and (r["year"] or 0) >= 1960
    ]
    assert expected
    assert [r["item"] for r in left] == expected
    assert [r["rank"] for r in left] == list(range(1, len(left) + 1))


def test_nobody_is_shown_what_they_have_seen(newest: TestClient, platform: Platform) -> None:
    seen = platform.home.lake.scan(INTERACTIONS).filter(user=5).collect()["item"].to_list()
    answer = newest.get("/users/5/recommendations?k=100").json()
    assert not {r["item"] for r in answer["recommendations"]} & set(seen)
    candidates = [{"item": item} for item in [*seen, 2, 4]]
    asked = {"user": 5, "candidates": candidates, "exclude_seen": True}
    ranked = newest.post("/rank", json=asked).json()["ranked"]
    assert {r["item"] for r in ranked} == {2, 4} - set(seen)


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


def test_a_new_user_gets_the_solution_of_the_implicit_objective(
    client: TestClient, platform: Platform
) -> None:
    rated = {4: 5.0, 10: 1.5, 16: 4.0}
    ratings = [{"item": i, "rating": r} for i, r in rated.items()]
    body = client.post("/recommendations", json={"ratings": [*ratings, {"item": 3, "rating": 4}]})
    answer = msgspec.json.decode(body.content, type=answers.Recommendations)
    assert (answer.source, answer.user, answer.unknown_items) == ("folded", None, [3])
    fold_in = platform.bundle(platform.old).fold_in
    assert fold_in is not None
    factors = fold_in.factors.astype(np.float64)
    vector = _minimum(factors, fold_in.items.tolist(), rated, alpha=0.6, penalty=0.2)
    scores = factors @ vector
    scores[[fold_in.items.tolist().index(item) for item in rated]] = -math.inf
    best = np.argsort(-scores)[:10]
    assert [r.item for r in answer.recommendations] == fold_in.items[best].tolist()
    assert [r.score for r in answer.recommendations] == pytest.approx(scores[best], abs=1e-5)


def _minimum(
    factors: np.ndarray, items: list[int], rated: dict[int, float], alpha: float, penalty: float
) -> np.ndarray:
    """The objective itself, as weighted least squares over all items, with no formula reused."""
    wanted = np.array([1.0 if item in rated else 0.0 for item in items])
    weight = np.array([1.0 + alpha * rated.get(item, 0.0) for item in items])
    root = np.sqrt(weight)[:, np.newaxis]
    rows = np.vstack([root * factors, np.sqrt(penalty * len(rated)) * np.eye(factors.shape[1])])
    right = np.concatenate([np.sqrt(weight) * wanted, np.zeros(factors.shape[1])])
    return np.linalg.lstsq(rows, right, rcond=None)[0]


def test_somebody_who_rated_nothing_known_gets_the_segment(client: TestClient) -> None:
    answer = client.post("/recommendations", json={"ratings": [{"item": 1, "rating": 3}]}).json()
    assert (answer["source"], answer["unknown_items"]) == ("segment", [1])


def test_ranking_is_the_registered_models(client: TestClient, platform: Platform) -> None:
    raw = clicks().tail(30).select(FIELDS)
    candidates = [
        {"item": n + 1, "features": row} for n, row in enumerate(raw.iter_rows(named=True))
    ]
    body = client.post("/rank", json={"candidates": candidates, "k": 30})
    answer = msgspec.json.decode(body.content, type=answers.RankAnswer)
    floats = raw.with_columns(pl.col(FIELDS[:13]).cast(pl.Float64)).to_pandas()
    model = platform.home.registry.load(CLICK_MODEL)
    expected = pl.from_pandas(model.predict(floats))["probability"].to_numpy()
    order = np.argsort(-expected, kind="stable")
    assert [r.item - 1 for r in answer.ranked] == order.tolist()
    assert [r.probability for r in answer.ranked] == pytest.approx(expected[order], abs=1e-9)


def test_the_candidates_own_fields_go_before_the_contexts_and_the_users(client: TestClient) -> None:
    def score(**asked: object) -> float:
        answer = client.post("/rank", json={"k": 1, **asked}).json()
        return float(answer["ranked"][0]["probability"])

    whole = score(candidates=[{"item": 1, "features": {"I1": 5, "I2": 7, "C1": CATEGORY}}])
    spread = score(
        features={"I1": 9, "I2": 8, "C1": CATEGORY},
        context={"I1": 3, "I2": 7},
        candidates=[{"item": 1, "features": {"I1": 5}}],
    )
    assert spread == whole


def test_an_explanation_adds_up_to_the_score(client: TestClient) -> None:
    candidates = [{"item": n, "features": {"I1": n, "C2": CATEGORY}} for n in range(1, 40)]
    asked = {"candidates": candidates, "k": 40, "explain": True}
    ranked = client.post("/rank", json=asked).json()["ranked"]
    assert len(ranked) == 20
    for row in ranked:
        total = row["base_log_odds"] + sum(c["log_odds"] for c in row["contributions"])
        assert 1 / (1 + math.exp(-total)) == pytest.approx(row["probability"], abs=1e-9)
        assert len(row["contributions"]) == len(feature_names())


def test_candidates_by_id_are_scored_by_their_offers(platform: Platform, start: Start) -> None:
    fields = clicks().head(2).select(FIELDS)
    offers = pl.concat(
        [pl.DataFrame({"item": pl.Series([7, 9], dtype=pl.Int32)}), fields], how="horizontal"
    )
    home = platform.home
    home.lake.write_frame(offers.with_columns(drop_date=pl.date(2026, 1, 1)), OFFERS.name)
    root = home.root / "with_offers"
    promote(root, write_bundle(home.lake, home.registry, root, ExportParams()))
    client = start(bundles=root)
    whole = [{"item": n, "features": f} for n, f in zip((7, 9), fields.to_dicts(), strict=True)]
    by_id = client.post("/rank", json={"candidates": [{"item": 7}, {"item": 9}]}).json()
    assert by_id == client.post("/rank", json={"candidates": whole}).json()


def test_movies_are_found_by_words(client: TestClient) -> None:
    found = client.get("/items?q=STORY%2013&k=5").json()["items"]
    assert [f["item"] for f in found] == [28]
    popular = client.get("/items?k=2").json()["items"]
    assert [f["item"] for f in popular] == [2, 4]


BAD = [
    ("GET", "/users/0/recommendations", None, 422, "user"),
    ("GET", "/users/x/recommendations", None, 422, "user"),
    ("GET", "/users/1/recommendations?k=101", None, 422, "k:"),
    ("GET", "/users/1/recommendations?kk=1", None, 422, "kk"),
    ("GET", "/users/1/recommendations?k=1&k=2", None, 422, "twice"),
    ("GET", "/users/1/recommendations?genre=Opera", None, 404, "Opera"),
    ("GET", "/users/1/recommendations?exclude=a", None, 422, "exclude"),
    ("GET", "/users/1/recommendations?arm=canary", None, 409, "canary"),
    ("GET", "/nowhere", None, 404, "openapi"),
    ("DELETE", "/rank", None, 405, "openapi"),
    ("POST", "/rank", "{", 400, "JSON"),
    ("POST", "/rank", "[" * 100_000, 400, "JSON"),
    ("POST", "/rank", "{}", 422, "candidates"),
    ("POST", "/rank", '{"candidates": []}', 422, "candidates"),
    ("POST", "/rank", json.dumps({"candidates": [{"item": 1}] * 1001}), 422, "1000"),
    ("POST", "/rank", '{"candidates": [{"item": 1, "features": {"C1": "nothex!!"}}]}', 422, "hexa"),
    ("POST", "/rank", '{"candidates": [{"item": 1, "features": {"I14": 1}}]}', 422, "I14"),
    ("POST", "/rank", '{"candidates": [{"item": 1}], "k": 1e999}', 422, "range"),
    ("POST", "/recommendations", '{"ratings": [{"item": 1, "rating": 6}]}', 422, "rating"),
    ("POST", "/feedback", '{"events": [{"user": 1}]}', 422, "item"),
    ("POST", "/rank", " " * (3 << 20), 413, "bytes"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "word"), BAD)
def test_every_error_is_a_problem_with_a_reason(
    client: TestClient, method: str, path: str, body: str | None, status: int, word: str
) -> None:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = client.request(method, path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert word in answer.json()["detail"]


def test_a_body_that_is_not_declared_as_json_is_refused(client: TestClient) -> None:
    assert client.post("/rank", content="{}").status_code == 415


def test_the_service_says_what_it_serves(client: TestClient, platform: Platform) -> None:
    about = msgspec.json.decode(client.get("/version").content, type=answers.VersionAnswer)
    assert (about.champion, about.canary, about.refused) == (platform.old, None, {})
    assert about.tables[TOP_K] == 0
    assert client.get("/health").json() == {"status": "ok"}


def test_every_answer_is_guarded_by_headers(client: TestClient) -> None:
    for path in ("/users/1/recommendations", "/version", "/nowhere", "/", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "access-control-allow-origin" not in headers, path


def test_only_named_origins_may_ask_from_a_browser(start: Start) -> None:
    client = start(origins=["https://shop.example"])
    path = "/users/1/recommendations"
    good = client.get(path, headers={"Origin": "https://shop.example"})
    assert good.headers["access-control-allow-origin"] == "https://shop.example"
    bad = client.get(path, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


def test_a_caller_who_asks_too_often_is_told_to_wait(start: Start) -> None:
    client = start(rate=0.5, burst=5)
    answers = [client.get("/users/1/recommendations") for _ in range(8)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client.get("/health").status_code == 200


def test_the_document_has_an_example_of_every_body(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        if operation.body is not None:
            example = described["requestBody"]["content"]["application/json"]["example"]
            assert client.post(operation.path, json=example).status_code == 200, operation.path
