"""Candidates and their click probabilities, held against the registered model."""

import math

import msgspec
import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.offers import OFFERS
from recsys_assets.kernels.encode import feature_names
from recsys_assets.serving.clicks import FIELDS
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import promote
from recsys_assets.serving.shapes import answers
from recsys_assets_tests.serving.conftest import Platform, Start
from recsys_assets_tests.serving.published import clicks

CATEGORY = "68fd1e64"


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
