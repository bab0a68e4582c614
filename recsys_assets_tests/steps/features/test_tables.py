import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from recsys_assets.contracts.features import Interactions, MovieFeatures, UserFeatures
from recsys_assets.kernels.splits import METHODS, Method
from recsys_assets.steps.features import tables
from recsys_assets.steps.features.splits import SplitParams
from recsys_assets.steps.features.tables import (
    build_interactions,
    build_movie_features,
    build_user_features,
)
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.session import Session
from recsys_assets_tests.real_data import REAL_MOVIES, needs_real_data
from recsys_assets_tests.steps.tables import write_interactions, write_movies, write_ratings

WAYS = {"here": tables.LARGEST_HERE, "in Spark": 0}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Few ratings are split by this process, many by Spark."""
    monkeypatch.setattr(tables, "LARGEST_HERE", WAYS[request.param])
    return str(request.param)


def table(session: Session, name: str) -> pl.DataFrame:
    return session.lake.scan(name).collect()


def many_ratings(users: int, items: int, seed: int = 3) -> list[tuple[int, int, float, int]]:
    rng = np.random.default_rng(seed)
    pairs = [(u, i) for u in range(1, users + 1) for i in range(1, items + 1)]
    return [(u, i, float(rng.integers(1, 11)) / 2, 1_700_000_000) for u, i in pairs]


@pytest.mark.usefixtures("way")
def test_latest_rating_of_a_pair_is_kept_and_a_tie_goes_to_the_later_drop(
    session: Session,
) -> None:
    write_ratings(
        session.lake,
        [(1, 1, 1.0, 100), (1, 2, 5.0, 900), (2, 1, 2.0, 100)],
        [(1, 1, 2.0, 100), (1, 2, 3.0, 800), (2, 2, 4.0, 100)],
        [(2, 2, 4.5, 99)],
    )
    report = build_interactions(session, SplitParams())
    rows = table(session, "interactions").sort("user", "item")
    assert rows.select("user", "item", "rating", "timestamp").rows() == [
        (1, 1, 2.0, 100),  # same time: the second drop's
        (1, 2, 5.0, 900),  # later time, although from the first drop
        (2, 1, 2.0, 100),
        (2, 2, 4.0, 100),
    ]
    assert report.rows["interactions"] == 4
    assert report.versions["interactions"] == session.lake.version("interactions")


@pytest.mark.usefixtures("way")
def test_split_is_complete_disjoint_and_keeps_its_shares(session: Session) -> None:
    ratings = many_ratings(120, 100)
    write_ratings(session.lake, ratings)
    report = build_interactions(session, SplitParams(train=0.7, validation=0.1))
    rows = table(session, "interactions")
    Interactions.validate(rows)
    pairs = rows.select("user", "item")
    assert pairs.n_unique() == pairs.height == len(ratings)
    shares = dict(rows.group_by("split").agg(pl.len() / len(ratings)).iter_rows())
    # Four standard deviations of a binomial share over 12,000 rows are below 0.017.
    assert shares == pytest.approx({"train": 0.7, "validation": 0.1, "test": 0.2}, abs=0.017)
    assert report.figures["train_rows"] == rows.filter(split="train").height


@pytest.mark.usefixtures("way")
def test_a_pair_stays_in_its_part_whatever_arrives_and_however_rows_lie(
    session: Session,
) -> None:
    first, more = many_ratings(30, 40), many_ratings(60, 40)[30 * 40 :]
    write_ratings(session.lake, first)
    build_interactions(session, SplitParams())
    before = table(session, "interactions").select("user", "item", "split")
    partitions = session.spark.conf.get("spark.sql.shuffle.partitions") or "2"
    session.spark.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        write_ratings(session.lake, list(reversed(first)), more)
        build_interactions(session, SplitParams())
    finally:
        session.spark.conf.set("spark.sql.shuffle.partitions", partitions)
    after = table(session, "interactions").select("user", "item", "split")
    assert after.height == 60 * 40
    kept = after.filter(pl.col("user") <= 30)
    assert_frame_equal(before, kept, check_row_order=False)


@pytest.mark.parametrize("method", METHODS)
def test_both_ways_make_the_same_table(
    session: Session, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    rng = np.random.default_rng(5)
    drops = [
        [(u, i, stars, int(rng.integers(0, 400)) * 6_000) for u, i, stars, _ in many]
        for many in (many_ratings(40, 25), many_ratings(20, 30, seed=4))
    ]
    write_ratings(session.lake, *drops)
    gap = 3.0 if method == "global-time" else 0.0
    found = []
    for largest in WAYS.values():
        monkeypatch.setattr(tables, "LARGEST_HERE", largest)
        report = build_interactions(session, SplitParams(method=method, gap_days=gap))
        schema = session.lake.open("interactions").schema().to_json()
        found.append((report.figures, schema, table(session, "interactions").sort("user", "item")))
    assert found[0][:2] == found[1][:2]
    assert_frame_equal(found[0][2], found[1][2])
    assert found[0][2].height == 1_100


def test_another_seed_draws_another_split(session: Session) -> None:
    write_ratings(session.lake, many_ratings(40, 40))
    splits = []
    for seed in (1, 2):
        build_interactions(session, SplitParams(seed=seed))
        splits.append(table(session, "interactions").sort("user", "item")["split"])
    agreed = (splits[0] == splits[1]).mean()
    # Independent splits agree with probability 0.75² + 0.05² + 0.2² = 0.605.
    assert agreed == pytest.approx(0.605, abs=0.05)


def test_split_must_leave_a_test_part() -> None:
    with pytest.raises(ValidationError, match="test"):
        SplitParams(train=0.9, validation=0.1)


ODD_TITLES = {
    "Toy Story (1995)": 1995,
    "Blank at the end (1995) ": 1995,
    "(500) Days of Summer (2009)": 2009,
    "2001: A Space Odyssey (1968)": 1968,
    "Death Note (2006–2007)": 2006,
    "Fawlty Towers (1975-1979)": 1975,
    "Still running (2016-)": 2016,
    "Shogun (Shôgun) (1980)": 1980,
    "Babylon 5": None,
    "Year within (1999) the title": None,
    "Not a year (0007)": None,
    "Too long (19955)": None,
    "No brackets 1995": None,
    "(1995)": 1995,
    "": None,
}


def test_year_comes_from_the_end_of_the_title(session: Session) -> None:
    titles = list(ODD_TITLES)
    write_movies(session.lake, [(n, title, "Drama") for n, title in enumerate(titles, 1)])
    write_interactions(session.lake, [(1, 1, 3.0, 5, "train")])
    report = build_movie_features(session, NoParams())
    found = table(session, "movie_features").sort("item")
    assert dict(zip(titles, found["year"].to_list(), strict=True)) == ODD_TITLES
    assert report.figures["without_year"] == 6


def test_movie_features_in_closed_form(session: Session) -> None:
    write_movies(
        session.lake,
        [(1, "Old title (1990)", "Drama"), (2, "Two (1991)", "(no genres listed)")],
        [(1, "One (1990)", "Comedy|Drama"), (3, "Three (1992)", "War")],
    )
    rows = [(1, 1, 4.0, 10, "train"), (2, 1, 5.0, 30, "test"), (3, 1, 0.5, 20, "validation")]
    write_interactions(session.lake, [*rows, (1, 2, 3.0, 40, "train"), (1, 9, 1.0, 1, "train")])
    report = build_movie_features(session, NoParams())
    features = table(session, "movie_features")
    MovieFeatures.validate(features)
    assert features.rows() == [
        (1, "One (1990)", 1990, ["Comedy", "Drama"], 3, pytest.approx(9.5 / 3), 30),
        (2, "Two (1991)", 1991, [], 1, 3.0, 40),
        (3, "Three (1992)", 1992, ["War"], 0, None, None),
    ]
    assert report.figures["never_rated"] == 1
    assert report.tables["Genres"][0]["movies"] == 1


def test_a_genre_that_is_named_twice_or_not_at_all_counts_once_or_not(session: Session) -> None:
    write_movies(session.lake, [(1, "A (1990)", "War|Drama|War"), (2, "B (1990)", "|Drama||")])
    write_interactions(session.lake, [(1, 1, 2.0, 50, "train")])
    report = build_movie_features(session, NoParams())
    rows = table(session, "movie_features").sort("item")
    assert rows["genres"].to_list() == [["War", "Drama"], ["Drama"]]
    assert report.tables["Genres"][0] == {"genre": "Drama", "movies": 2}


def test_user_profiles_in_closed_form(session: Session) -> None:
    write_movies(
        session.lake,
        [(1, "A (1990)", "War|Drama"), (2, "B (1990)", "Drama|Comedy|Action"), (3, "C (1)", "War")],
    )
    write_interactions(
        session.lake,
        [
            (1, 1, 2.0, 50, "train"),
            (1, 2, 4.0, 20, "test"),
            (1, 3, 5.0, 70, "train"),
            (2, 9, 3.5, 10, "train"),  # a movie that the catalogue does not know
        ],
    )
    build_movie_features(session, NoParams())
    report = build_user_features(session, NoParams())
    profiles = table(session, "user_features")
    UserFeatures.validate(profiles)
    mean = 11 / 3
    deviation = math.sqrt(((2 - mean) ** 2 + (4 - mean) ** 2 + (5 - mean) ** 2) / 3)
    assert profiles.rows() == [
        # Drama and War twice, by name; then Action before Comedy, once each.
        (1, 3, pytest.approx(mean), pytest.approx(deviation), 20, 70, ["Drama", "War", "Action"]),
        (2, 1, 3.5, 0.0, 10, 10, []),
    ]
    assert report.figures["median_ratings_per_user"] == 2.0


@pytest.mark.parametrize("step", [build_movie_features, build_user_features])
def test_without_tables_there_is_nothing_to_do(session: Session, step: object) -> None:
    assert build_interactions(session, SplitParams()).skipped
    assert step(session, NoParams()).skipped  # type: ignore[operator]
    assert session.lake.names() == []


@needs_real_data
def test_years_of_the_real_catalogue(session: Session) -> None:
    assert REAL_MOVIES is not None
    movies = pl.read_csv(REAL_MOVIES)
    write_movies(session.lake, movies.select("movieId", "title", "genres").rows())
    write_interactions(session.lake, [(1, 1, 3.0, 5, "train")])
    report = build_movie_features(session, NoParams())
    years = table(session, "movie_features")["year"]
    assert report.rows["movie_features"] == 9_742
    assert report.figures["without_year"] <= 13
    assert (years.min(), years.max()) == (1902, 2018)
