import numpy as np
import pytest

from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.steps.recommenders.rating_models import RATING_MODELS, fit_rating_models
from recsys_assets_tests.kernels.recommenders.worlds import split_rows, taste_world


def test_stars_are_predicted_better_than_by_both_baselines() -> None:
    frame, content = taste_world(users=200, items=80, ratings=25)
    train, test = split_rows(frame)
    users, items = (test[side].to_numpy().astype(np.int32) for side in ("user", "item"))
    truth = test["rating"].to_numpy()
    errors = {}
    for model in fit_rating_models(rating_data(train), content, seed=42):
        stars = model.predict(users, items)
        assert stars.min() >= train["rating"].min()
        assert stars.max() <= train["rating"].max()
        errors[model.name] = float(np.sqrt(((stars - truth) ** 2).mean()))
    assert tuple(errors) == RATING_MODELS
    assert errors["rating"] < min(errors["svd"], errors["als_rating"])
    assert errors["rating"] < 0.85 * truth.std()


def test_somebody_unknown_gets_stars_too() -> None:
    frame, content = taste_world(users=60)
    for model in fit_rating_models(rating_data(frame), content, seed=42):
        stars = model.predict(np.array([1, 9_999, 9_999], np.int32), np.array([9_999, 3, 9_999]))
        assert np.isfinite(stars).all()
        assert len(stars) == 3
        # Of a stranger's stars the item tells something, of a strange item's the user; where both
        # are strange there is the mean. Only the quick start's ALS wants both.
        mean = frame["rating"].mean()
        assert stars[2] == pytest.approx(mean, abs=1e-4)
        if model.name != "als_rating":
            of_item = frame.filter(item=3)["rating"].mean()
            of_user = frame.filter(user=1)["rating"].mean()
            assert np.sign(stars[1] - mean) == np.sign(of_item - mean)  # type: ignore[operator]
            assert np.sign(stars[0] - mean) == np.sign(of_user - mean)  # type: ignore[operator]
