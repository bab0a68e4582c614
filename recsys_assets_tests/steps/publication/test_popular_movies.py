import polars as pl
import pytest

from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.recommendations import PopularMovies
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.steps.publication.popular_movies import PopularMoviesParams, list_popular_movies
from recsys_assets.steps.session import Session


@pytest.mark.parametrize(
    ("ratings", "needed"),
    [
        (20_000_263, 508),
        (200_000_000, 508),
        (10_000_132, 254),
        (1_000_209, 25),
        (393_706, 10),
        (100_836, 10),
        (0, 10),
    ],
)
def test_a_well_known_movie_has_508_ratings_at_full_size_and_in_proportion_below(
    ratings: int, needed: int
) -> None:
    assert PopularMoviesParams().needed(ratings) == needed


def test_the_best_rated_of_the_well_known(session: Session) -> None:
    rows = [
        (1, "Rare and loved", None, [], 9, 5.0, 1),
        (2, "Known and good", None, [], 50, 4.0, 1),
        (3, "Better known, as good", None, [], 60, 4.0, 1),
        (4, "At the border", None, [], 10, 4.5, 1),
        (5, "Twin", None, [], 60, 4.0, 1),
        (6, "Never rated", None, [], 0, None, None),
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(MovieFeatures), orient="row")
    session.lake.write_frame(frame, "movie_features")
    report = list_popular_movies(session, PopularMoviesParams())
    found = session.lake.scan("popular_movies").collect()
    PopularMovies.validate(found)
    assert found.select("rank", "item", "popularity_rank").rows() == [
        (1, 4, 4),
        (2, 3, 1),
        (3, 5, 2),
        (4, 2, 3),
    ]
    assert report.figures["min_ratings"] == 10
    report = list_popular_movies(session, PopularMoviesParams(least=70))
    assert session.lake.scan("popular_movies").collect()["item"].to_list() == [3, 5]
    assert report.figures["min_ratings"] == 60


def test_without_movies_there_is_nothing_to_do(session: Session) -> None:
    assert list_popular_movies(session, PopularMoviesParams()).skipped
