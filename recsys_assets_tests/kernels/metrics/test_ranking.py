"""Ranking metrics: known answers, laws, agreement with scikit-learn, clear errors."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sklearn.metrics import average_precision_score, ndcg_score

from recsys_assets.kernels.metrics.ranking import Gain, mean_ranking, ranking_by_user
from recsys_assets_tests.kernels.metrics import known_answers
from recsys_assets_tests.kernels.metrics.known_answers import ranked
from recsys_assets_tests.kernels.metrics.properties import quick

METRICS = [
    "precision_at_k",
    "recall_at_k",
    "average_precision",
    "average_precision_at_k",
    "ndcg_at_k",
    "r_precision",
]
TRUTH = known_answers.ratings().select("user", "item")
PREDICTIONS = known_answers.predictions()


def _truth(rows: list[tuple[int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"user": pl.Int64, "item": pl.Int64}, orient="row")


def _lists(lists: dict[int, list[int]]) -> pl.DataFrame:
    rows = [(u, i, rank) for u, items in lists.items() for rank, i in enumerate(items, start=1)]
    schema = {"user": pl.Int64, "item": pl.Int64, "rank": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _graded(gains: list[float]) -> pl.DataFrame:
    rows = [(1, item, gain) for item, gain in enumerate(gains)]
    schema = {"user": pl.Int64, "item": pl.Int64, "gain": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


items = st.integers(0, 12)
lists = st.dictionaries(
    st.integers(0, 6), st.lists(items, unique=True, max_size=12), max_size=6
).map(_lists)
truths = st.lists(st.tuples(st.integers(0, 6), items), unique=True, min_size=1).map(_truth)
gains = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=10)
ks = st.integers(1, 15)


def test_known_answers_at_10() -> None:
    metrics = mean_ranking(ranking_by_user(ranked(PREDICTIONS, 10), TRUTH, 10))
    assert metrics == pytest.approx(
        {
            "precision_at_k": 0.26666,
            "recall_at_k": 0.37777,
            "map": 0.236138,
            "map_at_k": 0.236138,
            "ndcg_at_k": 0.381727,
            "r_precision": 0.37777,
        },
        rel=1e-4,
    )


@pytest.mark.parametrize(("k", "expected"), [(3, 0.21111), (5, 0.24444), (10, 0.37777)])
def test_known_r_precision(k: int, expected: float) -> None:
    metrics = mean_ranking(ranking_by_user(ranked(PREDICTIONS, k), TRUTH, k))
    assert metrics["r_precision"] == pytest.approx(expected, rel=1e-4)


def test_lists_without_a_hit_score_zero() -> None:
    elsewhere = _lists({1: [100], 2: [100], 3: [100]})
    assert set(mean_ranking(ranking_by_user(elsewhere, TRUTH, 10)).values()) == {0.0}


def test_truth_against_itself() -> None:
    perfect = ranked(known_answers.ratings().rename({"rating": "score"}), 10)
    metrics = mean_ranking(ranking_by_user(perfect, TRUTH, 10))
    assert metrics.pop("precision_at_k") == pytest.approx(0.6)
    assert set(metrics.values()) == {1.0}


@pytest.mark.parametrize(("k", "expected"), [(3, 1.0), (5, 0.6)])
def test_precision_divides_by_k_even_if_the_list_is_shorter(k: int, expected: float) -> None:
    perfect = _lists({1: [1, 2, 3], 2: [4, 5, 6]})
    metrics = mean_ranking(ranking_by_user(perfect, perfect.select("user", "item"), k))
    assert metrics["precision_at_k"] == pytest.approx(expected)


def test_known_graded_ndcg() -> None:
    truth = _graded([3, 2, 3, 0, 1, 2, 3, 2])
    by_user = ranking_by_user(_lists({1: [0, 1, 2, 3, 4, 5]}), truth, 6, gain="raw")
    assert by_user["ndcg_at_k"].item() == pytest.approx(0.785, abs=5e-4)


def test_metrics_by_hand_for_one_user() -> None:
    # Hits at ranks 1 and 3 of a list cut at 3; five relevant items.
    truth = _truth([(1, item) for item in (1, 3, 4, 6, 7)])
    row = ranking_by_user(_lists({1: [1, 2, 3, 4]}), truth, 3).row(0, named=True)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert row == pytest.approx(
        {
            "user": 1,
            "precision_at_k": 2 / 3,
            "recall_at_k": 2 / 5,
            "average_precision": (1 + 2 / 3) / 5,
            "average_precision_at_k": (1 + 2 / 3) / 3,
            "ndcg_at_k": 1.5 / ideal,
            "r_precision": 2 / 5,
        }
    )


def test_exponential_gain_by_hand() -> None:
    by_user = ranking_by_user(_lists({1: [1, 0]}), _graded([3, 1]), 2, gain="exponential")
    assert by_user["ndcg_at_k"].item() == pytest.approx(
        (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3))
    )


def test_gain_zero_is_not_relevant_and_a_user_without_relevant_items_scores_zero() -> None:
    truth = pl.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1], "gain": [1, 0, 0]})
    by_user = ranking_by_user(_lists({1: [2, 1], 2: [1]}), truth, 2)
    assert by_user["user"].to_list() == [1, 2]
    assert by_user.row(0, named=True)["recall_at_k"] == 1.0
    assert by_user.row(0, named=True)["average_precision"] == 0.5
    assert set(by_user.select(METRICS).row(1)) == {0.0}


def test_one_row_per_user_in_truth() -> None:
    by_user = ranking_by_user(_lists({2: [1], 9: [1]}), _truth([(2, 1), (1, 1)]), 1)
    assert by_user["user"].to_list() == [1, 2]
    assert set(by_user.select(METRICS).row(0)) == {0.0}
    assert set(by_user.select(METRICS).row(1)) == {1.0}


def test_string_keys_and_an_empty_block_of_recommendations() -> None:
    truth = pl.DataFrame({"user": ["b", "a"], "item": ["x", "y"]})
    nothing = pl.DataFrame(
        schema={"user": pl.String, "item": pl.String, "rank": pl.Int32, "score": pl.Float32}
    )
    by_user = ranking_by_user(nothing, truth, 10)
    assert by_user["user"].to_list() == ["a", "b"]
    assert by_user.select(pl.sum_horizontal(METRICS).sum()).item() == 0.0


@quick
@given(lists, truths, ks)
def test_metrics_lie_in_the_unit_interval(
    recommendations: pl.DataFrame, truth: pl.DataFrame, k: int
) -> None:
    by_user = ranking_by_user(recommendations, truth, k)
    assert by_user["user"].to_list() == sorted(set(truth["user"]))
    values = by_user.select(METRICS).to_numpy()
    assert ((values >= 0) & (values <= 1)).all()


@quick
@given(lists, truths, ks)
def test_precision_recall_and_r_precision_count_hits(
    recommendations: pl.DataFrame, truth: pl.DataFrame, k: int
) -> None:
    for row in ranking_by_user(recommendations, truth, k).iter_rows(named=True):
        listed = recommendations.filter(user=row["user"]).sort("rank")["item"].to_list()[:k]
        relevant = set(truth.filter(user=row["user"])["item"])
        hits = len(relevant & set(listed))
        assert row["precision_at_k"] == pytest.approx(hits / k)
        assert row["recall_at_k"] == pytest.approx(hits / len(relevant))
        early = len(relevant & set(listed[: len(relevant)]))
        assert row["r_precision"] == pytest.approx(early / len(relevant))


@quick
@given(truths, ks)
def test_a_perfect_list_scores_one(truth: pl.DataFrame, k: int) -> None:
    perfect = ranked(truth.with_columns(score=pl.lit(1.0)), k)
    by_user = ranking_by_user(perfect, truth, k)
    assert by_user["ndcg_at_k"].to_list() == [1.0] * by_user.height
    assert by_user["average_precision_at_k"].to_list() == pytest.approx([1.0] * by_user.height)


@quick
@given(gains, ks, st.sampled_from(["binary", "raw", "exponential"]))
def test_the_best_graded_order_scores_one(values: list[float], k: int, gain: Gain) -> None:
    truth = _graded([*values, 1.0])
    best = ranked(truth.rename({"gain": "score"}), k)
    assert ranking_by_user(best, truth, k, gain)["ndcg_at_k"].item() == 1.0


@quick
@given(lists, truths, ks, st.integers(0, 1000))
def test_row_order_changes_nothing(
    recommendations: pl.DataFrame, truth: pl.DataFrame, k: int, seed: int
) -> None:
    shuffled, truth_shuffled = (
        frame.sample(fraction=1, shuffle=True, seed=seed) for frame in (recommendations, truth)
    )
    expected = ranking_by_user(recommendations, truth, k)
    measured = ranking_by_user(shuffled, truth_shuffled, k)
    assert_frame_equal(measured, expected, check_exact=True)


@quick
@given(lists, truths, ks, st.integers(1, 4))
def test_blocks_of_users_add_up_to_the_whole(
    recommendations: pl.DataFrame, truth: pl.DataFrame, k: int, blocks: int
) -> None:
    parts = [
        ranking_by_user(
            recommendations.filter(pl.col("user") % blocks == block),
            truth.filter(pl.col("user") % blocks == block),
            k,
        )
        for block in range(blocks)
    ]
    whole = ranking_by_user(recommendations, truth, k)
    assert_frame_equal(pl.concat(parts).sort("user"), whole, check_exact=True)


@quick
@given(gains.filter(lambda values: len(values) > 1 and any(values)), ks, st.randoms())
def test_graded_ndcg_agrees_with_scikit_learn(values, k, random) -> None:  # type: ignore[no-untyped-def]
    scores = random.sample(range(len(values)), len(values))
    predictions = _graded(scores).rename({"gain": "score"})
    for gain, valued in (("raw", values), ("exponential", [2**g - 1 for g in values])):
        by_user = ranking_by_user(ranked(predictions, k), _graded(values), k, gain)  # type: ignore[arg-type]
        assert by_user["ndcg_at_k"].item() == pytest.approx(ndcg_score([valued], [scores], k=k))


@quick
@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(any))
def test_average_precision_of_a_full_list_agrees_with_scikit_learn(relevant: list[bool]) -> None:
    order = list(range(len(relevant)))
    truth = _truth([(1, item) for item in order if relevant[item]])
    row = ranking_by_user(_lists({1: order}), truth, len(order)).row(0, named=True)
    expected = average_precision_score(relevant, -np.array(order))
    assert row["average_precision"] == pytest.approx(expected)
    assert row["average_precision_at_k"] == pytest.approx(expected)


@pytest.mark.parametrize("users", [1, 2])
@pytest.mark.parametrize("k", [5, 49])
def test_metrics_of_a_user_are_the_same_to_the_last_bit_alone_or_in_a_block(
    users: int, k: int
) -> None:
    perfect = _lists({user: list(range(k)) for user in range(users)})
    first_three = perfect.filter(pl.col("item") < 3)
    truth = perfect.select("user", "item")
    assert ranking_by_user(perfect, truth, k)["precision_at_k"].to_list() == [1.0] * users
    assert ranking_by_user(first_three, truth, k)["precision_at_k"].to_list() == [3 / k] * users


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_rejected(k: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {k}"):
        ranking_by_user(_lists({1: [1]}), TRUTH, k)


@pytest.mark.parametrize(
    ("recommendations", "message"),
    [
        ({"user": [1], "item": [1]}, "recommendations lacks the columns"),
        ({"user": [1, 1], "item": [2, 2], "rank": [1, 2]}, r"\('user', 'item'\) once"),
        ({"user": [1, 1], "item": [2, 3], "rank": [1, 1]}, r"\('user', 'rank'\) once"),
        ({"user": [1], "item": [None], "rank": [1]}, "1 null values in column 'item'"),
        ({"user": [1], "item": [2], "rank": [0]}, "1 ranks below 1"),
        ({"user": [1], "item": [2], "rank": [1.0]}, "must be an integer"),
        ({"user": ["1"], "item": [2], "rank": [1]}, "'user' has different types"),
    ],
)
def test_nonsense_recommendations_are_rejected(
    recommendations: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ranking_by_user(pl.DataFrame(recommendations), TRUTH, 10)


@pytest.mark.parametrize(
    ("truth", "gain", "message"),
    [
        ({"user": [1, 1], "item": [2, 2]}, "binary", "truth must hold each"),
        ({"user": [1, None], "item": [2, 2]}, "binary", "truth has 1 null"),
        ({"user": [1], "item": [2]}, "raw", "needs a column 'gain'"),
        ({"user": [1], "item": [2], "gain": [-1.0]}, "raw", "1 negative gains"),
        ({"user": [1], "item": [2], "gain": [math.inf]}, "raw", "NaN or infinite"),
        ({"user": [1], "item": [2], "gain": [2000.0]}, "exponential", "truth as exponential gain"),
        ({"user": [1], "item": [2], "gain": [1.0]}, "cubic", "gain must be one of"),
    ],
)
def test_nonsense_truth_is_rejected(
    truth: dict[str, list[object]], gain: Gain, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ranking_by_user(_lists({1: [1]}), pl.DataFrame(truth), 10, gain)


def test_a_mean_over_nobody_is_rejected() -> None:
    by_user = ranking_by_user(_lists({1: [1]}), TRUTH.clear(), 10)
    with pytest.raises(ValueError, match="no user to average over"):
        mean_ranking(by_user)
