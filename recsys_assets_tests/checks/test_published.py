"""Every published table is held against its contract, its references and what is usual."""

import polars as pl
import pytest

from recsys_assets.assets import ASSETS
from recsys_assets.assets.steps import CONTRACTS
from recsys_assets.checks.published import broken_rules, published_checks
from recsys_assets.checks.recommendations import (
    lists_are_full_or_say_why,
    popular_movies_exist,
    scores_tell_movies_apart,
    similar_movies_exist,
    users_are_covered,
)
from recsys_assets.contracts.features import MovieFeatures
from recsys_assets.contracts.recommendations import PopularMovies, SimilarItems, TopK
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.resources.storage import Storage
from recsys_assets_tests.steps.tables import write_interactions


def write_lists(storage: Storage, *rows: tuple[int, int, int, float]) -> None:
    full = [(*row, "because", None, "als_model", 1) for row in rows]
    storage.lake.write_frame(pl.DataFrame(full, polars_schema(TopK), orient="row"), "top_k")


def write_movies(storage: Storage, *items: int) -> None:
    rows = [(item, f"Movie {item}", 1990, [], 1, 3.0, 1) for item in items]
    frame = pl.DataFrame(rows, polars_schema(MovieFeatures), orient="row")
    storage.lake.write_frame(frame, "movie_features")


def keeps_contract(storage: Storage) -> str | None:
    check = published_checks[list(CONTRACTS).index("top_k")]
    result = check(storage)
    assert result.passed == (result.description is None)
    return result.description


def test_every_table_with_columns_in_the_ui_is_checked() -> None:
    tables = {
        spec.key.path[-1]
        for asset in ASSETS
        for spec in asset.specs
        if "dagster/column_schema" in spec.metadata and spec.group_name != "validated"
    }
    assert tables <= set(CONTRACTS)


def test_a_table_that_keeps_its_contract_passes(storage: Storage) -> None:
    write_lists(storage, (1, 1, 5, 0.5), (1, 2, 6, 0.4))
    assert keeps_contract(storage) is None


def test_an_empty_table_fails(storage: Storage) -> None:
    write_lists(storage)
    assert keeps_contract(storage) == "no rows"


def test_a_broken_rule_is_named_with_an_example(storage: Storage) -> None:
    write_lists(storage, (1, 0, 5, 0.5), (-3, 1, 5, 0.5))
    said = keeps_contract(storage) or ""
    assert "rank: greater_than_or_equal_to(1) (0)" in said
    assert "user: greater_than_or_equal_to(1) (-3)" in said


def test_a_column_of_another_type_fails(storage: Storage) -> None:
    write_lists(storage, (1, 1, 5, 0.5))
    changed = storage.lake.scan("top_k").with_columns(pl.col("score").cast(pl.Float64)).collect()
    storage.lake.write_frame(changed, "top_k")
    assert keeps_contract(storage) == "wrong columns: score"


def test_of_a_huge_table_both_ends_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys_assets.checks.published.CHECKED_ROWS", 10)
    good = {"rank": 1, "item": 5, "similar_item": 6, "similarity": 0.5, "model_version": 1}
    rows = pl.DataFrame([good] * 50 + [good | {"rank": 0}], polars_schema(SimilarItems))
    assert "rank" in broken_rules(SimilarItems, rows.lazy(), rows.height)


class TestLists:
    def test_a_short_list_needs_a_reason(self, storage: Storage) -> None:
        # Four movies are known; user 2 has rated all but one, user 3 only one.
        rated = [(1, 1), (2, 1), (2, 2), (2, 3), (3, 4)]
        write_interactions(storage.lake, [(u, i, 3.0, 1, "train") for u, i in rated])
        full = [(1, 1, 2, 0.5), (1, 2, 3, 0.4), (2, 1, 4, 0.5)]
        write_lists(storage, *full)
        assert lists_are_full_or_say_why(storage).passed
        write_lists(storage, *full, (3, 1, 1, 0.5))
        result = lists_are_full_or_say_why(storage)
        assert not result.passed
        assert result.description == "1 lists are short without a reason"

    def test_a_list_need_not_hold_what_the_model_does_not_know(self, storage: Storage) -> None:
        # 8 and 9 came after the training: of what the model knows, user 1 has rated all but 4.
        rated = [(1, 1), (1, 2), (1, 3), (2, 8), (2, 9)]
        write_interactions(storage.lake, [(u, i, 3.0, 1, "train") for u, i in rated])
        write_lists(storage, (1, 1, 4, 0.5), (2, 1, 1, 0.5), (2, 2, 2, 0.4), (2, 3, 3, 0.3))
        assert lists_are_full_or_say_why(storage).passed

    def test_users_without_a_list_are_counted(self, storage: Storage) -> None:
        write_interactions(storage.lake, [(u, 1, 3.0, 1, "train") for u in range(1, 101)])
        write_lists(storage, *[(u, 1, 2, 0.5) for u in range(1, 100)])
        assert users_are_covered(storage).passed
        write_lists(storage, *[(u, 1, 2, 0.5) for u in range(1, 90)])
        assert not users_are_covered(storage).passed

    def test_scores_that_tell_nothing_apart_are_found(self, storage: Storage) -> None:
        write_lists(storage, (1, 1, 5, 0.5), (1, 2, 6, 0.4))
        assert scores_tell_movies_apart(storage).passed
        write_lists(storage, (1, 1, 5, 0.5), (1, 2, 6, 0.5))
        assert not scores_tell_movies_apart(storage).passed
        same = [(u, r, r, 1.0 / r) for u in range(1, 31) for r in (1, 2)]
        write_lists(storage, *same)
        assert not scores_tell_movies_apart(storage).passed


def test_similar_and_popular_movies_stand_in_the_catalogue(storage: Storage) -> None:
    def similar(*pairs: tuple[int, int]) -> bool:
        rows = [(item, 1, other, 0.5, 1) for item, other in pairs]
        frame = pl.DataFrame(rows, polars_schema(SimilarItems), orient="row")
        storage.lake.write_frame(frame, "similar_items")
        return similar_movies_exist(storage).passed

    def popular(item: int) -> bool:
        frame = pl.DataFrame(
            [(1, item, "T", 1, 3.0, 1)], polars_schema(PopularMovies), orient="row"
        )
        storage.lake.write_frame(frame, "popular_movies")
        return popular_movies_exist(storage).passed

    write_movies(storage, 1, 2)
    assert similar((1, 2), (2, 1))
    assert not similar((1, 9))
    assert not similar((1, 1))
    assert popular(2)
    assert not popular(9)
