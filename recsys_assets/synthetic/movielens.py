"""Films and ratings in the form of MovieLens, with the structure a recommender has to find.

`generate_movies` invents the catalogue; `generate_ratings` lets users choose from it. `tastes`
says what draws a user to a film. Choices are made for one block of users at a time, so memory
holds a block of users times all films, whatever the number of ratings. All randomness comes from
the seed, by stream and block, so equal arguments give equal frames.
"""

import datetime
from collections.abc import Iterator
from enum import IntEnum
from typing import Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from recsys_assets.synthetic import titles
from recsys_assets.synthetic.tastes import Films, choose, draw_films, draw_tastes

LAST_DAY = datetime.date(2024, 12, 31)
SECONDS_PER_DAY = 86_400

USERS_PER_BLOCK = 256
"""Part of what defines the data: another size gives other ratings."""

LEAST_ACTIVITY = 20
ACTIVITY_SPREAD = 1.4
"""Ratings per user: the least (as in MovieLens) and the log-normal spread above it."""

QUALITY_WEIGHT, BIAS_WEIGHT, TASTE_WEIGHT, NOISE_WEIGHT = 0.40, 0.45, 0.30, 0.75
"""What a rating is made of: the film's quality, the user's leniency, their taste, and chance."""

RATING_VALUES = np.arange(0.5, 5.5, 0.5)
RATING_SHARES = np.array([14, 28, 18, 75, 55, 199, 130, 266, 85, 130]) / 1000.0
"""Histogram of ml-latest-small (GroupLens), from half a star to five."""


class _Stream(IntEnum):
    """Independent random streams of one seed."""

    CATALOGUE = 0
    FILMS = 1
    ACTIVITY = 2
    USERS = 3


class MovieLensSize(BaseModel):
    """How much to generate."""

    model_config = ConfigDict(frozen=True)

    users: PositiveInt
    """Users; every one rates at least 20 films when `ratings` allows it."""
    movies: PositiveInt
    """Films in the catalogue; those far down the tail may stay unrated."""
    ratings: PositiveInt
    """Ratings, each a distinct pair of user and film."""
    days: PositiveInt = 365
    """Days over which the ratings spread; the last is the last day asked for."""

    @model_validator(mode="after")
    def _pairs_exist(self) -> Self:
        if not self.users <= self.ratings <= self.users * self.movies:
            raise ValueError(
                f"{self.ratings} ratings do not fit {self.users} users and {self.movies} movies: "
                f"ask for {self.users} to {self.users * self.movies} ratings"
            )
        return self


SIZES = {
    "small": MovieLensSize(users=610, movies=9_742, ratings=100_836),
    "1m": MovieLensSize(users=6_040, movies=3_883, ratings=1_000_209),
    "20m": MovieLensSize(users=138_493, movies=27_278, ratings=20_000_263),
}
"""The shapes of three public MovieLens sets (GroupLens)."""


def generate_movies(size: MovieLensSize, seed: int) -> pl.DataFrame:
    """Return the catalogue: movieId (rising, with gaps), title with year, genres joined by `|`.

    About four films in a thousand (at least one) have no year, and as many no genres.
    """
    rng = _generator(seed, _Stream.CATALOGUE)
    count = size.movies
    gaps = 1 + rng.lognormal(0.6, 1.3, size=count).astype(np.int64)
    names = titles.invent_titles(rng, count)
    years = titles.draw_years(rng, count).tolist()
    genres = titles.draw_genres(rng, count)
    genre_names = np.array(list(titles.GENRE_SHARES))
    few = max(1, round(0.004 * count))
    without_year = set(rng.permutation(count)[:few].tolist())
    genres[rng.permutation(count)[:few]] = False
    return pl.DataFrame(
        {
            "movieId": np.cumsum(gaps),
            "title": [
                name if row in without_year else f"{name} ({year})"
                for row, (name, year) in enumerate(zip(names, years, strict=True))
            ],
            "genres": ["|".join(genre_names[row]) or titles.NO_GENRES for row in genres],
        }
    )


def generate_ratings(
    size: MovieLensSize, seed: int, movies: pl.DataFrame, last_day: datetime.date = LAST_DAY
) -> pl.DataFrame:
    """Return userId, movieId, rating (0.5 to 5.0 in half steps), timestamp (epoch seconds, UTC).

    Rows are ordered by user, then time; pairs are unique; `movies` is the catalogue to choose
    from, of `size.movies` films (ValueError otherwise). Timestamps fall in the `size.days` days
    that end with `last_day`.
    """
    if movies.height != size.movies:
        raise ValueError(
            f"the catalogue has {movies.height} films, the size says {size.movies}: "
            "pass the catalogue that generate_movies made for the same size"
        )
    films = draw_films(_generator(seed, _Stream.FILMS), movies)
    activity = _draw_activity(_generator(seed, _Stream.ACTIVITY), size)
    # Users of like activity share a block: the partial sort is then as short as the block allows.
    by_activity = np.argsort(activity, kind="stable")
    blocks = [
        _rate_block(_generator(seed, _Stream.USERS, number), users, activity[users], films, size)
        for number, users in enumerate(_blocks_of(by_activity))
    ]
    user, movie, liking, second = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    end = datetime.datetime.combine(last_day, datetime.time(), datetime.UTC)
    start = int(end.timestamp()) - (size.days - 1) * SECONDS_PER_DAY
    # Cutting at the quantiles gives the published histogram whatever the likings' distribution.
    cuts = np.quantile(liking, np.cumsum(RATING_SHARES)[:-1])
    return pl.DataFrame(
        {
            "userId": user + 1,
            "movieId": films.movie_id[movie],
            "rating": RATING_VALUES[np.searchsorted(cuts, liking)],
            "timestamp": start + second,
        }
    ).sort("userId", "timestamp", "movieId")


def _generator(seed: int, stream: _Stream, block: int = 0) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, block)))


def _blocks_of(users: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(users), USERS_PER_BLOCK):
        yield users[start : start + USERS_PER_BLOCK]


def _draw_activity(rng: np.random.Generator, size: MovieLensSize) -> np.ndarray:
    """Return the ratings of each user: log-normal above a minimum, summing to `size.ratings`."""
    least = min(LEAST_ACTIVITY, size.ratings // size.users, size.movies)
    most = max(size.movies // 2, -(-size.ratings // size.users))
    weight = rng.lognormal(0.0, ACTIVITY_SPREAD, size=size.users)
    activity = np.full(size.users, least)
    while (left := size.ratings - int(activity.sum())) > 0:
        weight[activity >= most] = 0.0
        share = (left * weight / weight.sum()).astype(np.int64)
        if not share.any():
            share[np.argsort(-weight, kind="stable")[:left]] = 1
        activity = np.minimum(activity + share, most)
    return activity


def _rate_block(
    rng: np.random.Generator,
    users: np.ndarray,
    activity: np.ndarray,
    films: Films,
    size: MovieLensSize,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return user, film, liking and second of every rating of one block of users."""
    tastes = draw_tastes(rng, len(users))
    scores = tastes @ films.features.T
    chosen = choose(rng, scores, int(activity.max()))
    row, place = np.nonzero(np.arange(chosen.shape[1]) < activity[:, None])
    film = chosen[row, place]
    taste = scores[row, film] - tastes[row, 0] * films.features[film, 0]
    bias = rng.normal(size=len(users))
    liking = QUALITY_WEIGHT * films.quality[film] + BIAS_WEIGHT * bias[row]
    liking += TASTE_WEIGHT * taste + NOISE_WEIGHT * rng.normal(size=len(film))
    return users[row], film, liking.astype(np.float32), _draw_seconds(rng, row, activity, size.days)


def _draw_seconds(
    rng: np.random.Generator, row: np.ndarray, activity: np.ndarray, days: int
) -> np.ndarray:
    """Return seconds since the first day, rising within a user: visits, a few ratings a minute.

    `row` is the user of each rating, grouped. A user joins on some day and comes back a random
    number of times until the end.
    """
    end = days * SECONDS_PER_DAY
    latest = np.maximum(end - 25.0 * activity, 0.0)  # leaves time to finish the last visit
    joined = rng.uniform(0.0, latest)
    visits = np.minimum(rng.geometric(0.3, size=len(activity)), activity)
    first = np.cumsum(activity) - activity
    place = np.arange(len(row)) - first[row]
    visit = place * visits[row] // activity[row]
    number = np.cumsum(visits)[row] - visits[row] + visit
    share = (visit + rng.random(int(visits.sum()))[number]) / visits[row]
    start = joined[row] + share * (latest - joined)[row]
    pause = rng.exponential(15.0, size=len(row))
    second = np.minimum(start + 20.0 * (place - visit) + pause, end - 1.0)
    return second[np.lexsort((second, row))].astype(np.int64)
