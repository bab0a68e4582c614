"""The choice law of the ratings, checked against its closed form."""

import numpy as np
import polars as pl
import pytest

from recsys_assets.synthetic.tastes import choose, draw_films, draw_tastes


def test_choices_follow_the_softmax_one_after_the_other() -> None:
    weights = np.array([4.0, 3.0, 2.0, 1.0])
    scores = np.tile(np.log(weights), (100_000, 1)).astype(np.float32)
    chosen = choose(np.random.default_rng(1), scores, 2)
    first = np.bincount(chosen[:, 0], minlength=4) / len(chosen)
    assert first == pytest.approx(weights / 10, abs=0.006)
    # Without replacement: after film 0 the others share what is left in proportion.
    second = np.bincount(chosen[chosen[:, 0] == 0, 1], minlength=4)
    assert second / second.sum() == pytest.approx([0, 3 / 6, 2 / 6, 1 / 6], abs=0.01)


@pytest.mark.parametrize("count", [1, 5, 6])
def test_no_film_is_chosen_twice(count: int) -> None:
    scores = np.random.default_rng(2).normal(size=(500, 6)).astype(np.float32)
    chosen = choose(np.random.default_rng(3), scores, count)
    assert chosen.shape == (500, count)
    assert all(len(set(row)) == count for row in chosen.tolist())


def test_scores_do_not_depend_on_the_order_of_addition() -> None:
    movies = pl.DataFrame(
        {
            "movieId": range(1, 3001),
            "title": ["Film (1999)", "Film"] * 1500,
            "genres": ["Drama|War", "(no genres listed)", "Comedy"] * 1000,
        }
    )
    features = draw_films(np.random.default_rng(1), movies).features
    tastes = draw_tastes(np.random.default_rng(2), 50)
    exact = tastes.astype(np.float64) @ features.astype(np.float64).T
    assert np.array_equal(tastes @ features.T, exact)
    backwards = tastes[:, ::-1].copy() @ features[:, ::-1].T.copy()
    assert np.array_equal(backwards, exact)
