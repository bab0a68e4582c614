"""Lists for somebody new, held against the objective they minimize."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from starlette.testclient import TestClient

from recsys_assets.kernels.folding import FoldIn
from recsys_assets.serving.folding_in import folded_list
from recsys_assets.serving.shapes import answers
from recsys_assets.serving.shapes.requests import NewUser, Rated
from recsys_assets_tests.serving.conftest import Platform


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


def test_what_left_the_catalogue_since_the_training_is_no_other_movie(platform: Platform) -> None:
    bundle = platform.bundle(platform.old)
    known = bundle.fold_in
    assert known is not None
    gone = int(bundle.catalogue.ids[-1]) + 1
    items, factors = np.append(known.items, gone), np.vstack([known.factors, known.factors[:1]])
    fold_in = FoldIn(items.astype(np.int32), factors, known.alpha, known.regularization)
    asked = NewUser([Rated(gone, 5)], k=100)
    answer = msgspec.json.decode(
        folded_list("champion", replace(bundle, fold_in=fold_in), asked),
        type=answers.Recommendations,
    )
    listed = [row.item for row in answer.recommendations]
    assert sorted(listed) == known.items.tolist()
    assert {row.reason for row in answer.recommendations} == {"because you rated a movie"}
