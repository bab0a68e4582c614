import numpy as np

from recsys_assets.kernels.splits import (
    published_stratified_parts,
    train_and_test,
)
from recsys_assets_tests.real_data import needs_real_data, read_real_ratings


def test_published_recipe_by_hand() -> None:
    # np.random.seed(42): 0.37, 0.95, 0.73, 0.60, 0.15602, 0.15599, 0.06, 0.87
    items = np.array([7, 7, 7, 7, 5, 5, 5, 9])
    parts = published_stratified_parts(items, 0.75, 42)
    # Trained on: of 7 the three least, round(3.0); of 5 two, round(2.25); of 9 one, round(0.75).
    assert parts.tolist() == [0, 1, 0, 0, 1, 0, 0, 0]


def test_published_recipe_rounds_halves_to_even() -> None:
    for count, trained in ((2, 2), (6, 4), (10, 8), (14, 10)):  # 1.5, 4.5, 7.5, 10.5
        parts = published_stratified_parts(np.ones(count, int), 0.75, 1)
        assert int((parts == 0).sum()) == trained


@needs_real_data
def test_published_counts_on_the_real_data() -> None:
    train, test = train_and_test(read_real_ratings(), "stratified-item", 0.75, 42)
    assert (train.height, test.height) == (76_882, 23_954)
    assert not train.join(test, on=["user", "item"]).height
    assert set(test["item"]) <= set(train["item"])
