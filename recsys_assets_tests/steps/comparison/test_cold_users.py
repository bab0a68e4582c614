import json
from collections.abc import Iterator
from itertools import pairwise

import polars as pl
import pytest

from recsys_assets.kernels.comparing import JudgingError
from recsys_assets.kernels.recommenders.histories import Histories
from recsys_assets.kernels.recommenders.protocol import RatingData, Scores
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.kernels.splits import without_newest_users
from recsys_assets.steps.comparison.cold_users import GIVEN, compare_on_new_users
from recsys_assets.steps.comparison.report import cold_json, cold_tables
from recsys_assets.steps.comparison.results import HEADLINE, ColdCase, ModelResult
from recsys_assets.steps.recommenders.parts import FittedRecommender, fit_recommenders
from recsys_assets_tests.kernels.recommenders.worlds import taste_world


def fit(data: RatingData) -> Iterator[FittedRecommender]:
    return fit_recommenders(None, data, None, ["popularity", "ease"], 1)


@pytest.fixture(scope="module")
def parts() -> tuple[pl.DataFrame, pl.DataFrame]:
    # Users come one after the other, and the later half rates another half of the items.
    frame, _ = taste_world()
    later = pl.when(pl.col("user") > 75).then(pl.col("item") + 1000).otherwise(pl.col("item"))
    return without_newest_users(frame.with_columns(item=later.cast(pl.Int32)), 0.8)


@pytest.fixture(scope="module")
def cases(parts: tuple[pl.DataFrame, pl.DataFrame]) -> list[ColdCase]:
    return compare_on_new_users(*parts, fit, 5)


def test_newcomers_are_known_by_nothing_then_by_their_first_ratings(
    cases: list[ColdCase],
) -> None:
    assert [case.known.split()[0] for case in cases] == ["no", "1", "3", "5"]
    assert {case.users for case in cases} == {30} and len(cases) == len(GIVEN)
    ndcg = [{r.name: r.figures["ndcg_at_k"] for r in case.results} for case in cases]
    # What the last newcomers rated is what the next one rates, and few ratings tell the taste.
    assert ndcg[0]["ease"] > 1.1 * ndcg[0]["popularity"]
    assert ndcg[3]["ease"] > 1.5 * ndcg[3]["popularity"]
    assert cases[3].results[1].versus["ndcg_at_k"].is_win and not cases[3].results[0].versus


def test_models_are_given_the_earliest_ratings_whatever_the_order_of_the_rows(
    parts: tuple[pl.DataFrame, pl.DataFrame],
    cases: list[ColdCase],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, test = parts
    given: list[list[set[int]]] = []
    score = SingleMember.score

    def spy(model: SingleMember, histories: Histories) -> Scores:
        bounds = pairwise(histories.stars.indptr)
        rated = model.items[histories.stars.indices].tolist()
        given.append([set(rated[start:end]) for start, end in bounds])
        return score(model, histories)

    monkeypatch.setattr(SingleMember, "score", spy)
    told: list[ModelResult] = []
    shuffled = test.sample(fraction=1.0, shuffle=True, seed=3)
    found = compare_on_new_users(train, shuffled, fit, 5, on_result=told.append)
    for one, other in zip(cases, found, strict=True):
        for before, after in zip(one.results, other.results, strict=True):
            assert before.by_user.equals(after.by_user)
            assert after.intervals.keys() == HEADLINE.keys()
    assert [result.name for result in told] == ["popularity", "ease"]
    catalogue, users = set(train["item"].to_list()), test["user"].unique().sort()
    for number, count in enumerate(GIVEN):
        first = test.sort("user", "timestamp").group_by("user", maintain_order=True).head(count)
        items = dict(first.group_by("user").agg("item").iter_rows())
        assert given[number] == [catalogue & set(items.get(user, [])) for user in users]
    assert any(given[-1])


def test_stars_of_held_back_ratings_reach_no_list(
    parts: tuple[pl.DataFrame, pl.DataFrame], cases: list[ColdCase]
) -> None:
    train, test = parts
    place = pl.int_range(pl.len()).over("user")
    ordered = test.sort("user", "timestamp", "item")
    changed = ordered.with_columns(
        rating=pl.when(place >= max(GIVEN)).then(0.5).otherwise(pl.col("rating"))
    )
    for one, other in zip(cases, compare_on_new_users(train, changed, fit, 5), strict=True):
        for before, after in zip(one.results, other.results, strict=True):
            assert before.by_user.equals(after.by_user)


def test_users_with_too_few_ratings_leave_the_cases_that_need_more(
    parts: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    train, test = parts
    few = test.sort("user", "timestamp").group_by("user", maintain_order=True).head(3)
    short = few.filter((pl.col("user") % 2 == 0) | (pl.int_range(pl.len()).over("user") < 1))
    found = compare_on_new_users(train, short, fit, 5)
    assert [(case.known, case.users) for case in found] == [
        ("no rating of a user", 30),
        ("1 rating of a user", 15),
    ]


def test_the_first_case_is_that_of_the_models_in_json_and_tables(cases: list[ColdCase]) -> None:
    figures = json.loads(json.dumps(cold_json(cases, {"split": "cold-users", "k": 5})))
    promised = ("map", "ndcg_at_k", "precision_at_k", "recall_at_k", "rmse", "fit_seconds")
    assert tuple(figures["models"]["ease"])[:6] == promised
    assert figures["models"] == figures["cases"][0]["models"]
    assert figures["cases"][3]["models"]["ease"]["versus_yardstick"]["ndcg_at_k"]["win"]
    assert len(cold_tables(cases, 5)) == len(GIVEN)


def test_without_popularity_there_is_nothing_to_hold_models_against(
    parts: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    with pytest.raises(JudgingError, match="popularity"):
        compare_on_new_users(*parts, lambda data: list(fit(data))[1:], 5)


def test_items_given_are_not_listed_again(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, _ = parts
    best = train["item"].value_counts().sort("count", descending=True)["item"].to_list()
    rows = [(999, item, 4.0, 10**9 + n) for n, item in enumerate(best[:10])]
    columns = ["user", "item", "rating", "timestamp"]
    one = pl.DataFrame(rows, train.schema, orient="row").select(columns)
    found = compare_on_new_users(train, one, fit, 5)
    # Of the ten most popular items, rated in this order, the next five are always hit.
    popular = [case.results[0].figures["precision_at_k"] for case in found]
    assert popular == pytest.approx([1.0] * 4, abs=0.21)
    assert found[3].results[0].figures["recall_at_k"] > 0.7
