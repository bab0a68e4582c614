"""Nothing of the test part reaches what is trained in the platform's own tables."""

import polars as pl
from polars.testing import assert_frame_equal

from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import random_interactions, write_interactions

SMALL = ALSParams(rank=4, iterations=3, rating_rank=2)


def trained(session: Session) -> tuple[pl.DataFrame, pl.DataFrame]:
    train_als(session, SMALL)
    count_popularity(session, NoParams())
    factors, popularity = (session.lake.scan(t).collect() for t in ("als_factors", "popularity"))
    return factors.sort("task", "side", "id"), popularity.sort("item")


def test_other_test_rows_leave_every_trained_table_as_it_was(session: Session) -> None:
    rows = random_interactions()
    write_interactions(session.lake, rows)
    before = trained(session)
    changed = [
        # Other stars, another time, and other users with other items.
        (61 - user, 41 - item, 0.5, time + 9, part) if part == "test" else row
        for row in rows
        for user, item, _, time, part in [row]
    ]
    taken = {(user, item) for user, item, *_, part in rows if part != "test"}
    kept = [row for row in changed if row[4] != "test" or row[:2] not in taken]
    assert kept != rows
    write_interactions(session.lake, kept)
    for one, other in zip(before, trained(session), strict=True):
        assert_frame_equal(one, other)
