from functools import cache

import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.recommenders.histories import build_catalogue
from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.inner import (
    find_and_describe,
    inner_splits,
    latest_rows,
    latest_split,
)
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.protocol import ItemContent, rating_data
from recsys_assets.kernels.recommenders.reasons import reasons
from recsys_assets.kernels.recommenders.trees import contributions, mean_contributions
from recsys_assets.steps.recommenders.parts import MODELS, fit_recommenders
from recsys_assets_tests.kernels.recommenders.worlds import ndcg, split_rows, taste_world

FRAME, CONTENT = taste_world()
TRAIN, TEST = split_rows(FRAME)


@cache
def models() -> dict[str, object]:
    fitted = fit_recommenders(None, rating_data(TRAIN), CONTENT, MODELS, seed=42)
    return {each.name: each.recommender for each in fitted}


def hybrid() -> Hybrid:
    model = models()["hybrid"]
    assert isinstance(model, Hybrid)
    return model


def test_inner_splits_are_disjoint_and_leave_the_rest() -> None:
    known = build_catalogue(rating_data(TRAIN), CONTENT)
    whole, parts = known.train.stars.toarray(), []
    for inner, held_out in inner_splits(known, 5, seed=1):
        left, out = inner.train.stars.toarray(), held_out.toarray()
        assert ((left > 0) & (out > 0)).sum() == 0
        np.testing.assert_array_equal(left + out, whole)
        assert inner.train.times is not None
        assert inner.train.times.nnz == inner.train.stars.nnz
        parts.append(out > 0)
    assert np.sum(parts, axis=0).max() == 1


def test_the_latest_split_holds_out_what_each_user_rated_last() -> None:
    known = build_catalogue(rating_data(TRAIN), CONTENT)
    split = latest_split(known)
    assert split is not None and known.train.times is not None
    inner, held_out = split
    assert inner.train.times is not None
    left, times = inner.train.stars.toarray(), known.train.times.toarray()
    out = held_out.toarray()
    np.testing.assert_array_equal(left + out, known.train.stars.toarray())
    for row in range(len(known.users)):
        rated = np.diff(known.train.stars.indptr)[row]
        assert (out[row] > 0).sum() == rated - round(0.9 * rated)
        if out[row].any():
            assert times[row][left[row] > 0].max() <= times[row][out[row] > 0].min()


def test_without_times_there_is_no_latest_split() -> None:
    known = build_catalogue(rating_data(TRAIN.drop("timestamp")), CONTENT)
    assert latest_split(known) is None and latest_rows(known, 100.0, 1) is None


def test_every_model_answers_finite_scores_for_anybody() -> None:
    asked = np.array([1, 99_999, 2], np.int32)
    for name, model in models().items():
        scores = model.scores(asked)  # type: ignore[attr-defined]
        assert scores.shape == (3, len(model.items)), name  # type: ignore[attr-defined]
        assert np.isfinite(scores).all(), name


def test_the_hybrid_ranks_better_than_popularity() -> None:
    users = np.unique(TRAIN["user"].to_numpy()).astype(np.int32)
    found = {
        name: ndcg(model.scores(users), model.items, users, TRAIN, TEST).mean()  # type: ignore[attr-defined]
        for name, model in models().items()
    }
    assert found["hybrid"] > 1.5 * found["popularity"]
    assert found["hybrid"] > 0.9 * max(found.values())


def test_the_same_seed_gives_the_same_scores() -> None:
    again = next(fit_recommenders(None, rating_data(TRAIN), CONTENT, ["hybrid"], seed=42))
    users = np.arange(1, 20, dtype=np.int32)
    np.testing.assert_allclose(again.recommender.scores(users), hybrid().scores(users), atol=1e-4)


def test_a_new_user_is_folded_in_without_a_fit() -> None:
    history = TRAIN.filter(user=8).sort("item")
    scores = hybrid().fold_in(
        history["item"].to_numpy().astype(np.int32),
        history["rating"].to_numpy().astype(np.float32),
    )
    own = np.arange(len(hybrid().items)) % 4 == 3
    unseen = ~np.isin(hybrid().items, history["item"].to_numpy())
    best = np.argsort(-np.where(unseen, scores, -np.inf))[:5]
    assert own[best].mean() >= 0.6


def test_contributions_of_the_trees_add_up_to_their_score() -> None:
    model = hybrid()
    found = find_and_describe(model.members, model.catalogue.train.part(slice(0, 9)), model.facts)
    features = model.features_of(found)
    for trees in model.rankers:
        raw = trees.booster.predict(features, raw_score=True)
        assert np.array_equal(trees.score(features), raw)
        np.testing.assert_allclose(contributions(trees, features).sum(axis=1), raw, atol=1e-6)
    shares = mean_contributions(model.rankers, features)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_reasons_are_rated_items_of_the_same_taste() -> None:
    model = hybrid()
    ease = model.members["ease"]
    assert isinstance(ease, EaseMember)
    history = model.catalogue.train.part(np.array([3]))
    rated = set(model.catalogue.items[history.stars.indices].tolist())
    horror = model.items[np.arange(len(model.items)) % 4 == 3]
    asked = horror[~np.isin(horror, list(rated))][:4]
    for because in reasons(ease, model.catalogue, history, asked):
        assert 1 <= len(because) <= 2
        assert set(because) <= rated


def test_items_nobody_rated_rank_by_taste_not_by_chance() -> None:
    """Whole items held out: popularity knows nothing of them, content does."""
    out = FRAME["item"].unique().sort().to_numpy()[::5]
    cold = pl.Series(np.isin(FRAME["item"].to_numpy(), out))
    train, test = FRAME.filter(~cold), FRAME.filter(cold)
    model = next(
        fit_recommenders(None, rating_data(train), CONTENT, ["hybrid"], seed=1)
    ).recommender
    users = np.unique(train["user"].to_numpy()).astype(np.int32)
    columns = np.flatnonzero(np.isin(model.items, out))
    found = ndcg(model.scores(users)[:, columns], model.items[columns], users, train, test, k=3)
    shuffled = np.random.default_rng(0).random((len(users), len(columns)))
    chance = ndcg(shuffled, model.items[columns], users, train, test, k=3)
    assert found.mean() > 1.5 * chance.mean()


def test_users_never_seen_are_served_better_than_by_popularity() -> None:
    """Whole users held out, folded in by five ratings."""
    train = FRAME.filter(pl.col("user") <= 120)
    model = next(
        fit_recommenders(None, rating_data(train), CONTENT, ["hybrid"], seed=1)
    ).recommender
    counts = train.group_by("item").len()
    popular = dict(counts.iter_rows())
    by_count = np.array([popular.get(int(item), 0) for item in model.items], float)
    folded, plain = [], []
    for user in range(121, 151):
        rows = FRAME.filter(user=user)
        given, truth = rows.head(5), rows.tail(-5)
        scores = model.fold_in(  # type: ignore[attr-defined]
            given["item"].to_numpy().astype(np.int32), given["rating"].to_numpy().astype("f4")
        )
        who = np.array([user])
        folded += ndcg(scores[np.newaxis], model.items, who, given, truth).tolist()
        plain += ndcg(by_count[np.newaxis], model.items, who, given, truth).tolist()
    assert np.mean(folded) > 1.2 * np.mean(plain)


def test_without_content_and_times_the_hybrid_still_answers() -> None:
    data = rating_data(TRAIN.drop("timestamp"))
    model = next(fit_recommenders(None, data, None, ["hybrid"], seed=1)).recommender
    assert np.isfinite(model.scores(data.users)).all()
    nothing = ItemContent(np.empty(0, np.int32), [], np.empty(0, np.float32), [])
    model = next(fit_recommenders(None, data, nothing, ["ease"], seed=1)).recommender
    assert np.isfinite(model.scores(data.users)).all()


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="no model is called magic"):
        next(fit_recommenders(None, rating_data(TRAIN), None, ["magic"], seed=1))
    with pytest.raises(ValueError, match="no rating"):
        next(fit_recommenders(None, rating_data(TRAIN.head(0)), None, ["ease"], seed=1))
