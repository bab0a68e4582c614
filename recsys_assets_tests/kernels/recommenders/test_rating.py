import numpy as np

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
