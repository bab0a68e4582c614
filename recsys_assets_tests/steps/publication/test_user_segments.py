"""Lists for newcomers: whole ones, whatever the catalogue lacks."""

import polars as pl

from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.steps.publication.user_segments import UserSegmentsParams, list_user_segments
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import write_interactions


def test_a_rated_movie_without_a_title_leaves_no_gap_in_a_list(session: Session) -> None:
    # Everybody rated item 1, of which the catalogue knows nothing; fewer rated each that follows.
    rows = [
        (user, item, 4.0, 1_700_000_000 + user, "train")
        for item in range(1, 7)
        for user in range(1, 41 - 5 * item)
    ]
    write_interactions(session.lake, rows)
    movies = [(item, f"Movie {item}", 1999, ["Drama"], 1, 4.0, 1) for item in range(2, 7)]
    frame = pl.DataFrame(movies, schema=polars_schema(MovieFeatures), orient="row")
    session.lake.write_frame(frame, "movie_features")
    list_user_segments(session, UserSegmentsParams(k=3))
    table = session.lake.scan("user_segments").sort("segment", "rank").collect()
    lists = table.group_by("segment", maintain_order=True).agg("rank", "item")
    assert lists.rows() == [
        ("Drama", [1, 2, 3], [2, 3, 4]),
        ("newcomers", [1, 2, 3], [2, 3, 4]),
    ]
