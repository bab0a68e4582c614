"""Lists for newcomers: whole ones, whatever the catalogue lacks."""

import polars as pl

from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.steps.publication.user_segments import UserSegmentsParams, list_user_segments
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import write_interactions


def lists_of(session: Session, items: range) -> list[tuple[str, list[int], list[int]]]:
    movies = [(item, f"Movie {item}", 1999, ["Drama"], 1, 4.0, 1) for item in items]
    frame = pl.DataFrame(movies, schema=polars_schema(MovieFeatures), orient="row")
    session.lake.write_frame(frame, "movie_features")
    list_user_segments(session, UserSegmentsParams(k=3))
    table = session.lake.scan("user_segments").sort("segment", "rank").collect()
    return table.group_by("segment", maintain_order=True).agg("rank", "item").rows()


def test_a_rated_movie_without_a_title_leaves_no_gap_in_a_list(session: Session) -> None:
    # Everybody rated item 1, of which the catalogue knows nothing; fewer rated each that follows.
    rows = [
        (user, item, 4.0, 1_700_000_000 + user, "train")
        for item in range(1, 7)
        for user in range(1, 41 - 5 * item)
    ]
    write_interactions(session.lake, rows)
    assert lists_of(session, range(2, 7)) == [
        ("Drama", [1, 2, 3], [2, 3, 4]),
        ("newcomers", [1, 2, 3], [2, 3, 4]),
    ]


def test_what_newcomers_rated_none_of_stands_by_all_ratings_in_its_genre_too(
    session: Session,
) -> None:
    # People of centuries ago rated 12 once more than 1 to 11; those who came since rated 20 alone.
    old = [(user, item, 4.0, user, "train") for user in range(1, 151) for item in range(1, 13)]
    new = [(user, 20, 4.0, 10**10 + user, "train") for user in range(151, 211)]
    write_interactions(session.lake, [*old[11:], *new])
    assert [items for _, _, items in lists_of(session, range(1, 21))] == [[20, 12, 1]] * 2
