import dagster as dg
import polars as pl
import pytest

from recsys_assets.checks.models import als_beats_popularity, hybrid_beats_popularity
from recsys_assets.checks.recommendations import items_exist, lists_are_whole, no_seen_item
from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.models import RankingEvaluation
from recsys_assets.contracts.recommendations import TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.steps.tables import write_interactions


def write_lists(storage: Storage, *rows: tuple[int, int, int, float]) -> None:
    full = [(*row, "because", None, "als_model", 1) for row in rows]
    frame = pl.DataFrame(full, schema=polars_schema(TopK), orient="row")
    storage.lake.write_frame(frame, "top_k")


def test_a_rated_movie_in_a_list_is_found(storage: Storage) -> None:
    write_interactions(storage.lake, [(1, 5, 3.0, 1, "test"), (2, 6, 3.0, 1, "train")])
    write_lists(storage, (1, 1, 6, 0.5), (2, 1, 5, 0.5))
    assert no_seen_item(storage).passed
    write_lists(storage, (1, 1, 5, 0.5), (2, 1, 5, 0.5))
    assert not no_seen_item(storage).passed


@pytest.mark.parametrize(
    ("rows", "passed"),
    [
        ([(1, 1, 5, 0.5), (1, 2, 6, 0.5), (2, 1, 5, 0.1)], True),
        ([(1, 1, 5, 0.5), (1, 3, 6, 0.4)], False),  # a gap
        ([(1, 2, 5, 0.5)], False),  # no first place
        ([(1, 1, 5, 0.5), (1, 2, 5, 0.4)], False),  # one item twice
        ([(1, 1, 5, 0.5), (1, 2, 6, 0.6)], False),  # rising scores
        ([(1, 1, 5, float("inf"))], False),
        ([(1, 1, 5, float("nan"))], False),
    ],
)
def test_broken_lists_are_found(
    storage: Storage, rows: list[tuple[int, int, int, float]], passed: bool
) -> None:
    write_lists(storage, *rows)
    assert lists_are_whole(storage).passed == passed


def test_recommended_movies_must_stand_in_the_catalogue(storage: Storage) -> None:
    write_lists(storage, (1, 1, 5, 0.5))
    assert not items_exist(storage).passed
    movie = [(5, "Five", 1990, [], 1, 3.0, 1)]
    frame = pl.DataFrame(movie, schema=polars_schema(MovieFeatures), orient="row")
    storage.lake.write_frame(frame, "movie_features")
    assert items_exist(storage).passed
    write_lists(storage, (1, 1, 6, 0.5))
    assert not items_exist(storage).passed


@pytest.mark.parametrize(("figure", "passed"), [(0.3, True), (0.2, False), (0.1, False)])
@pytest.mark.parametrize(
    ("model", "check"),
    [("als_model", als_beats_popularity), ("rank_model", hybrid_beats_popularity)],
)
def test_whoever_makes_personal_lists_must_beat_popularity(
    storage: Storage, model: str, check: dg.AssetChecksDefinition, figure: float, passed: bool
) -> None:
    other = "rank_model" if model == "als_model" else "als_model"
    rows = [
        (model, 1, "test", "ndcg@10", figure),
        (model, 1, "test", "map", 0.0),
        (other, 1, "test", "ndcg@10", 0.4 - figure),
        ("popularity_model", 1, "test", "ndcg@10", 0.2),
    ]
    frame = pl.DataFrame(rows, schema=polars_schema(RankingEvaluation), orient="row")
    storage.lake.write_frame(frame, "ranking_evaluation")
    assert check(storage).passed == passed


def test_where_there_is_no_hybrid_none_has_to_beat_popularity(storage: Storage) -> None:
    rows = [("popularity_model", 1, "test", "ndcg@10", 0.2)]
    frame = pl.DataFrame(rows, schema=polars_schema(RankingEvaluation), orient="row")
    storage.lake.write_frame(frame, "ranking_evaluation")
    assert hybrid_beats_popularity(storage).passed
    with pytest.raises(KeyError, match="als_model"):  # which is always judged
        als_beats_popularity(storage)
