from collections.abc import Iterator

import polars as pl
import pytest

from recsys_assets.kernels.comparing import JudgingError
from recsys_assets.kernels.recommenders.protocol import RatingData
from recsys_assets.kernels.splits import without_items
from recsys_assets.steps.comparison.cold_items import compare_on_new_items
from recsys_assets.steps.recommenders.parts import FittedRecommender, fit_recommenders
from recsys_assets_tests.kernels.recommenders.worlds import taste_world

FRAME, CONTENT = taste_world(items=120)


def fit(data: RatingData) -> Iterator[FittedRecommender]:
    return fit_recommenders(None, data, CONTENT, ["popularity", "als", "content"], 1)


def test_content_ranks_items_nobody_rated_better_than_any_order_for_all() -> None:
    train, test = without_items(FRAME, 0.6, 3)
    case = compare_on_new_items(train, test, CONTENT, fit, 5)
    ndcg = {result.name: result.figures["ndcg_at_k"] for result in case.results}
    assert {"popular_genres", "newest", "random", "content"} <= set(ndcg)
    assert case.yardstick in ("popular_genres", "newest", "random")
    assert ndcg["content"] > 1.3 * max(ndcg[n] for n in ("popular_genres", "newest", "random"))
    won = {result.name for result in case.results if result.versus.get("ndcg_at_k")}
    assert won == set(ndcg) - {case.yardstick}
    assert case.results[-1].versus["ndcg_at_k"].is_win
    assert (
        case.users == test.filter(pl.col("user").is_in(train["user"].implode()))["user"].n_unique()
    )


def test_users_of_held_out_items_alone_are_refused() -> None:
    train, test = without_items(FRAME, 0.6, 3)
    strangers = test.with_columns(user=pl.col("user") + 1000)
    with pytest.raises(JudgingError, match="no user has rated both"):
        compare_on_new_items(train, strangers, CONTENT, fit, 5)
