from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.comparing import JudgingError, judge
from recsys_assets.kernels.metrics.ranking import mean_ranking
from recsys_assets.kernels.recommenders.protocol import RatingData, rating_data
from recsys_assets_tests.plain_models import Constant, fit_ease, fit_popularity

TRAIN = pl.DataFrame(
    {"user": [1, 1, 2, 3], "item": [10, 20, 10, 30], "rating": [5.0, 3.0, 4.0, 1.0]}
)
"""Users 1 to 3; item 10 twice, 20 and 30 once."""


def data() -> RatingData:
    return rating_data(TRAIN)


def held_out(*rows: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"user": pl.Int32, "item": pl.Int32}, orient="row")


def lists_of(judged: pl.DataFrame) -> dict[int, list[int]]:
    groups = judged.group_by("user", maintain_order=True).agg("item")
    return dict(groups.iter_rows())


def test_seen_items_are_left_out_and_ties_go_to_the_lesser_id() -> None:
    judged = judge(
        "popularity", fit_popularity(data()), data(), held_out((1, 30), (2, 20), (3, 10)), 2
    )
    assert lists_of(judged.lists) == {1: [30], 2: [20, 30], 3: [10, 20]}
    assert mean_ranking(judged.by_user)["recall_at_k"] == 1.0
    assert judged.by_user["precision_at_k"].to_list() == [0.5, 0.5, 0.5]


def test_a_user_of_the_test_part_alone_gets_the_answer_for_strangers() -> None:
    judged = judge("popularity", fit_popularity(data()), data(), held_out((9, 30)), 3)
    assert lists_of(judged.lists) == {9: [10, 20, 30]}


def test_an_item_of_the_test_part_alone_is_a_miss() -> None:
    judged = judge("popularity", fit_popularity(data()), data(), held_out((2, 20), (2, 99)), 3)
    assert judged.by_user["recall_at_k"].to_list() == [0.5]


def test_items_known_by_content_only_are_no_candidates() -> None:
    model = Constant(np.array([5, 10, 20, 30, 40], np.int32), np.array([9, 1, 2, 3, 9], np.float32))
    judged = judge("content", model, data(), held_out((2, 5), (2, 30)), 3)
    assert lists_of(judged.lists) == {2: [30, 20]}


def test_items_the_model_does_not_know_or_has_no_opinion_of_are_not_listed() -> None:
    model = Constant(np.array([10, 20], np.int32), np.array([1.0, -np.inf], np.float32))
    judged = judge("narrow", model, data(), held_out((3, 10), (2, 30)), 3)
    assert lists_of(judged.lists) == {3: [10]}
    assert judged.by_user.filter(user=2)["ndcg_at_k"].to_list() == [0.0]


def test_hidden_pairs_are_no_candidates() -> None:
    # Of a user or an item that training does not know nothing is hidden, from nobody else either.
    hidden = held_out((2, 20), (77, 10), (1, 99))
    asked = held_out((1, 30), (2, 30), (3, 10))
    judged = judge("popularity", fit_popularity(data()), data(), asked, 1, hidden)
    assert lists_of(judged.lists) == {1: [30], 2: [30], 3: [10]}


def test_k_may_exceed_the_catalogue() -> None:
    judged = judge("popularity", fit_popularity(data()), data(), held_out((2, 20), (2, 30)), 50)
    assert judged.by_user.select("recall_at_k", "precision_at_k").row(0) == (1.0, 2 / 50)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_the_size_of_blocks_changes_nothing(at_once: int) -> None:
    rng = np.random.default_rng(0)
    flat = rng.choice(40 * 30, 500, replace=False)
    rows = pl.DataFrame({"user": flat // 30, "item": flat % 30, "rating": np.ones(500)})
    train, rest = rating_data(rows[:400]), rows[400:]
    model = fit_ease(train, 3.0)
    whole = judge("ease", model, train, rest, 5)
    blocks = judge("ease", model, train, rest, 5, scores_at_once=at_once)
    assert blocks.lists.drop("score").equals(whole.lists.drop("score"))
    assert blocks.by_user.equals(whole.by_user)


def test_nonsense_of_a_model_is_refused() -> None:
    model = fit_popularity(data())
    asked = held_out((1, 30))
    nan = replace(model, counts=np.array([1, np.nan, 2], np.float32))
    with pytest.raises(JudgingError, match=r"popularity gave 1 NaN scores.*user 1 and item 20"):
        judge("popularity", nan, data(), asked, 2)
    with pytest.raises(JudgingError, match=r"shape \(1, 2\) for 1 users and 3 items"):
        judge("short", replace(model, counts=model.counts[:2]), data(), asked, 2)
    for items in (model.items[::-1], model.items[[0, 1, 1]]):
        with pytest.raises(JudgingError, match="ascending order of distinct ids"):
            judge("disordered", replace(model, items=items), data(), asked, 2)
    with pytest.raises(JudgingError, match="no held-out row"):
        judge("popularity", model, data(), asked.clear(), 2)
