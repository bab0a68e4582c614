"""Laws of the generated films and ratings: form, uniqueness, skew, and structure to be learned."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from recsys_assets.synthetic.movielens import (
    LAST_DAY,
    RATING_SHARES,
    RATING_VALUES,
    SIZES,
    MovieLensSize,
    generate_movies,
    generate_ratings,
)

SIZE = MovieLensSize(users=600, movies=400, ratings=36_000, days=90)


@pytest.fixture(scope="module")
def movies() -> pl.DataFrame:
    return generate_movies(SIZE, seed=7)


@pytest.fixture(scope="module")
def ratings(movies: pl.DataFrame) -> pl.DataFrame:
    return generate_ratings(SIZE, 7, movies)


@st.composite
def sizes(draw: st.DrawFn) -> MovieLensSize:
    users, films = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    ratings = draw(st.integers(users, users * films))
    return MovieLensSize(users=users, movies=films, ratings=ratings, days=draw(st.integers(1, 9)))


@settings(max_examples=40, deadline=None)
@given(size=sizes(), seed=st.integers(0, 2**32))
def test_every_size_is_met_exactly(size: MovieLensSize, seed: int) -> None:
    films = generate_movies(size, seed)
    rows = generate_ratings(size, seed, films)
    assert films.height == films["movieId"].n_unique() == size.movies
    assert rows.height == rows.select("userId", "movieId").n_unique() == size.ratings
    assert rows["userId"].unique().sort().to_list() == list(range(1, size.users + 1))
    assert set(rows["movieId"]) <= set(films["movieId"])
    activity = rows["userId"].value_counts()["count"].to_numpy()
    assert activity.min() >= min(20, size.ratings // size.users)
    days = pl.from_epoch(rows["timestamp"]).dt.date()
    assert (days > LAST_DAY - datetime.timedelta(days=size.days)).all()
    assert (days <= LAST_DAY).all()


def test_equal_seeds_give_equal_frames_and_others_do_not(
    movies: pl.DataFrame, ratings: pl.DataFrame
) -> None:
    assert generate_movies(SIZE, 7).equals(movies)
    assert generate_ratings(SIZE, 7, movies).equals(ratings)
    assert not generate_movies(SIZE, 8).equals(movies)
    assert not generate_ratings(SIZE, 8, movies).equals(ratings)


def test_sizes_that_cannot_be_met_are_refused(movies: pl.DataFrame) -> None:
    with pytest.raises(ValidationError, match="ask for 2 to 6 ratings"):
        MovieLensSize(users=2, movies=3, ratings=7)
    with pytest.raises(ValueError, match="399 films, the size says 400"):
        generate_ratings(SIZE, 7, movies.head(399))


def test_catalogue_has_the_habits_of_movielens() -> None:
    films = generate_movies(SIZES["small"], 7)
    ids = films["movieId"].to_numpy()
    assert np.diff(ids).min() == 1
    assert ids.max() > 1.5 * films.height
    dated = films["title"].str.contains(r" \((19|20)\d{2}\)$")
    assert (~dated).sum() == pytest.approx(0.004 * films.height, abs=1)
    unknown = films["genres"] == "(no genres listed)"
    assert unknown.sum() == pytest.approx(0.004 * films.height, abs=1)
    assert films["title"].str.contains('"').any()
    assert films["title"].str.contains(", The").any()
    assert films["title"].str.contains("[À-ž]").any()


def test_ratings_have_the_published_histogram(ratings: pl.DataFrame) -> None:
    counts = ratings["rating"].value_counts().sort("rating")
    assert counts["rating"].to_list() == RATING_VALUES.tolist()
    shares = counts["count"].to_numpy() / ratings.height
    assert shares == pytest.approx(RATING_SHARES / RATING_SHARES.sum(), abs=0.001)


def test_time_rises_within_a_user_and_reaches_the_last_day(ratings: pl.DataFrame) -> None:
    assert ratings["userId"].is_sorted()
    steps = ratings.select(pl.col("timestamp").diff().over("userId"))["timestamp"].drop_nulls()
    assert (steps >= 0).all()
    last = pl.from_epoch(ratings["timestamp"]).dt.date()
    assert (last == LAST_DAY).sum() > 50
    assert last.n_unique() > 80


def test_popularity_and_activity_have_long_tails() -> None:
    size = MovieLensSize(users=1_000, movies=4_000, ratings=100_000)
    rows = generate_ratings(size, 3, generate_movies(size, 3))
    films = rows["movieId"].value_counts()["count"].sort(descending=True)
    users = rows["userId"].value_counts()["count"].sort(descending=True)
    assert films.head(400).sum() / rows.height > 0.5
    assert 0.3 < films[0] / size.users < 0.7
    assert users.head(100).sum() / rows.height > 0.35
    assert users.min() == 20


def test_ratings_carry_quality_and_leniency(ratings: pl.DataFrame) -> None:
    centred = ratings.with_columns(pl.col("rating") - pl.col("rating").mean())
    explained = centred.with_columns(
        (pl.col("rating").mean().over("movieId") + pl.col("rating").mean().over("userId")).alias(
            "model"
        )
    )
    left = explained.select((pl.col("rating") - pl.col("model")).std()).item()
    assert 0.7 < left / centred["rating"].std() < 0.9


def test_item_similarity_beats_popularity(ratings: pl.DataFrame) -> None:
    """An item-item linear model (EASE, Steck 2019) hits far more held-out films than the top ten.

    A shuffle of the films within each popularity tenth keeps the long tail but no taste; the gain
    has to vanish there, so it is the latent structure that is measured.
    """
    seen = np.zeros((SIZE.users, ratings["movieId"].n_unique()), dtype=bool)
    film = ratings["movieId"].rank("dense").to_numpy() - 1
    seen[ratings["userId"].to_numpy() - 1, film] = True
    gain = _gain_of_similarity(seen)
    rng = np.random.default_rng(0)
    popular_first = np.argsort(-seen.sum(axis=0), kind="stable")
    shuffled = seen[:, popular_first].copy()
    for start in range(0, shuffled.shape[1], 40):
        shuffled[:, start : start + 40] = rng.permuted(shuffled[:, start : start + 40], axis=1)
    assert gain > 1.3
    assert _gain_of_similarity(shuffled) < 1.05


def _gain_of_similarity(seen: np.ndarray) -> float:
    """Return hits in the top ten of EASE over those of popularity, a quarter held out."""
    held_out = seen & (np.random.default_rng(1).random(seen.shape) < 0.25)
    train = (seen & ~held_out).astype(np.float64)
    inverse = np.linalg.inv(train.T @ train + 100.0 * np.eye(train.shape[1]))
    weights = np.eye(len(inverse)) - inverse / np.diag(inverse)
    popular = np.broadcast_to(train.sum(axis=0), train.shape)
    return _hits(train @ weights, train, held_out) / _hits(popular, train, held_out)


def _hits(scores: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> float:
    top = np.argsort(np.where(train > 0, -np.inf, scores), axis=1)[:, -10:]
    return float(np.take_along_axis(held_out, top, axis=1).mean())
