"""The hidden structure of the ratings: films have factors, users have tastes, tastes choose films.

A film's chance is proportional to exp(popularity + taste), where taste is the product of the
user's weights with the film's genres, era and hidden factors. Users draw without replacement, so
popular films come early and fill up. The constants were set so that, in the shapes of
ml-latest-small and MovieLens 1M with 75 % of each film's ratings for training, the nDCG@10 of the
most popular films is about 0.22 and that of an item-item linear model (EASE) 0.42 and 0.46; the
real sets give 0.21 to 0.23 and 0.41 to 0.44.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from recsys_assets.synthetic import titles

POPULARITY_SLOPE = 2.1
"""Exponent of the Zipf-Mandelbrot law of the films' weights."""

POPULARITY_SHIFT = 120.0
"""Offset of that law in ranks, where the catalogue is large: its first films are nearly equal."""

QUALITY_OF_POPULAR = 0.6
"""Correlation of a film's quality with the logarithm of its popularity."""

HIDDEN_FACTORS = 8
GENRE_TASTE = 0.8
ERA_TASTE = 0.7
HIDDEN_TASTE = 1.3
"""Standard deviations over the users of the weights on genres, era and hidden factors."""

MIDDLE_AGE = 20.0
"""Years before `titles.LATEST_YEAR` from which eras are counted, in units of as many years."""


class Films(NamedTuple):
    """Latent facts of the films; K = 1 (popularity) + genres + 2 (era) + hidden factors."""

    movie_id: np.ndarray
    features: np.ndarray
    quality: np.ndarray


def draw_films(rng: np.random.Generator, movies: pl.DataFrame) -> Films:
    """Return the latent facts of a catalogue with the columns movieId, title and genres."""
    count = movies.height
    rank = rng.permutation(count)
    popularity = -POPULARITY_SLOPE * np.log1p(rank / min(POPULARITY_SHIFT, 2.0 * count**0.5))
    listed = movies["genres"].str.split("|")
    genres = np.stack([listed.list.contains(g).to_numpy() for g in titles.GENRE_SHARES], axis=1)
    genres = genres / np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
    year = movies["title"].str.extract(r"\((\d{4})\)$").cast(pl.Int64)
    age = (titles.LATEST_YEAR - year).fill_null(int(MIDDLE_AGE)).to_numpy()
    era = age / MIDDLE_AGE - 1.0
    hidden = rng.normal(size=(count, HIDDEN_FACTORS)) / np.sqrt(HIDDEN_FACTORS)
    features = np.column_stack([popularity, genres, era, np.minimum(era**2, 2.0), hidden])
    fame = (popularity - popularity.mean()) / max(popularity.std(), 1e-9)
    own = np.sqrt(1.0 - QUALITY_OF_POPULAR**2) * rng.normal(size=count)
    quality = QUALITY_OF_POPULAR * fame + own
    return Films(movies["movieId"].to_numpy(), _exact(features), quality)


def draw_tastes(rng: np.random.Generator, users: int) -> np.ndarray:
    """Weights (users, K) on the film features; the first is how far a user follows the crowd."""
    crowd = rng.normal(1.0, 0.15, size=(users, 1))
    genres = rng.normal(0.0, GENRE_TASTE, size=(users, len(titles.GENRE_SHARES)))
    era = rng.normal(0.0, ERA_TASTE, size=(users, 2)) * (1.0, 0.3)
    hidden = rng.normal(0.0, HIDDEN_TASTE, size=(users, HIDDEN_FACTORS))
    return _exact(np.concatenate([crowd, genres, era, hidden], axis=1))


def _exact(values: np.ndarray) -> np.ndarray:
    """Round to 1/64: sums of products then fit float32 exactly, whatever order BLAS adds them."""
    return (np.round(values * 64.0) / 64.0).astype(np.float32)


def choose(rng: np.random.Generator, scores: np.ndarray, count: int) -> np.ndarray:
    """Return per row the first `count` columns of a draw without replacement, in drawn order.

    Column j comes first with probability proportional to exp(score_j), the next likewise among
    the rest: the order of exponential(1) / exp(score), here compared by logarithm (the Gumbel
    top-k trick; Kool, van Hoof and Welling 2019).
    """
    waits = rng.standard_exponential(scores.shape, dtype=np.float32)
    keys = np.log(np.maximum(waits, np.finfo(np.float32).tiny)) - scores
    if count < scores.shape[1]:
        first = np.argpartition(keys, count - 1, axis=1)[:, :count]
    else:
        first = np.broadcast_to(np.arange(count), keys.shape)
    order = np.argsort(np.take_along_axis(keys, first, axis=1), axis=1)
    return np.take_along_axis(first, order, axis=1)
