import json
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.comparing import JudgingError, judge
from recsys_assets.kernels.metrics.diversity import novelty
from recsys_assets.kernels.recommenders.protocol import RatingData, rating_data
from recsys_assets.kernels.splits import train_and_test
from recsys_assets.steps.comparison import fitted
from recsys_assets.steps.comparison.compare import compare_models
from recsys_assets.steps.comparison.leaks import check_leaks
from recsys_assets.steps.comparison.report import comparison_json, tables
from recsys_assets.steps.comparison.results import Comparison
from recsys_assets_tests.plain_models import Fitted, fit_ease, fit_plain, fit_popularity
from recsys_assets_tests.real_data import REAL_RATINGS, needs_real_data, read_real_ratings


def tasteful_ratings(users: int = 120, items: int = 60, seed: int = 0) -> pl.DataFrame:
    """Users of three tastes, who mostly rate items of their own; some items are popular."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.arange(users * items), items)
    likes = np.where(user % 3 == item % 3, 0.6, 0.08) * (1.2 - item / items)
    rated = rng.random(users * items) < likes
    return pl.DataFrame(
        {
            "user": (user[rated] + 1).astype(np.int32),
            "item": (item[rated] + 1).astype(np.int32),
            "rating": rng.choice([3.0, 4.0, 5.0], int(rated.sum())).astype(np.float32),
            "timestamp": rng.integers(10**9, 10**9 + 10**7, int(rated.sum())),
        }
    )


@pytest.fixture(scope="module")
def parts() -> tuple[pl.DataFrame, pl.DataFrame]:
    return train_and_test(tasteful_ratings(), "stratified-user", 0.75, 42)


def small_models(data: RatingData) -> Iterator[Fitted]:
    yield Fitted("popularity", fit_popularity(data), 0.5)
    yield Fitted("ease", fit_ease(data, 20.0), 0.25)


class Stars:
    name, fit_seconds = "rating", 0.1

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.full(len(users), 4.0)


@pytest.fixture(scope="module")
def comparison(parts: tuple[pl.DataFrame, pl.DataFrame]) -> Comparison:
    return compare_models(*parts, small_models, 5, fit_rating=lambda data: [Stars()])


def test_models_are_compared_on_the_same_users(comparison: Comparison) -> None:
    results = {result.name: result for result in comparison.results}
    assert comparison.best_single == "ease" and not results["ease"].versus
    test = results["popularity"].versus["ndcg_at_k"]
    gap = results["popularity"].figures["ndcg_at_k"] - results["ease"].figures["ndcg_at_k"]
    assert test.difference == pytest.approx(gap) and test.is_loss
    for result in results.values():
        for metric, interval in result.intervals.items():
            assert interval.low <= result.figures[metric] <= interval.high
    sizes = [figures["users"] for name, figures in results["ease"].segments.items()]
    assert sum(sizes[:-1]) == comparison.judged_users == 120


def test_lists_are_measured_beyond_accuracy_too(
    comparison: Comparison, parts: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    data = rating_data(parts[0])
    for name, model in (("popularity", fit_popularity(data)), ("ease", fit_ease(data, 20.0))):
        lists = judge(name, model, data, parts[1], 5).lists
        figures = next(r.figures for r in comparison.results if r.name == name)
        assert figures["catalog_coverage"] == lists["item"].n_unique() / len(data.items)
        assert figures["novelty"] == pytest.approx(novelty(lists, parts[0]))
        for metric in ("distributional_coverage", "diversity", "serendipity"):
            assert figures[metric] > 0
    popular, own = (result.figures for result in comparison.results[:2])
    assert popular["catalog_coverage"] < own["catalog_coverage"]
    assert popular["distributional_coverage"] < own["distributional_coverage"]
    assert popular["novelty"] < own["novelty"]


def test_rating_models_are_measured_by_their_stars(
    comparison: Comparison, parts: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    figures = comparison.results[-1].figures
    errors = parts[1]["rating"].to_numpy() - 4.0
    assert figures["rmse"] == pytest.approx(float(np.sqrt((errors**2).mean())))


def test_stars_of_many_pairs_are_asked_for_in_blocks(
    parts: tuple[pl.DataFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Taste(Stars):
        asked: ClassVar[list[int]] = []

        def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
            self.asked.append(len(users))
            return (users % 7 * items % 11).astype(np.float64)

    whole = compare_models(*parts, small_models, 5, fit_rating=lambda data: [Taste()])
    Taste.asked.clear()
    monkeypatch.setattr(fitted, "_PAIRS_AT_ONCE", 150)
    cut = compare_models(*parts, small_models, 5, fit_rating=lambda data: [Taste()])
    assert max(Taste.asked[1:]) <= 150
    assert cut.results[-1].by_user.equals(whole.results[-1].by_user)


def test_json_has_the_promised_keys(comparison: Comparison) -> None:
    figures = json.loads(json.dumps(comparison_json(comparison, {"split": "stratified-user"})))
    assert set(figures["models"]) == {"popularity", "ease", "rating"}
    for entry in figures["models"].values():
        promised = ("map", "ndcg_at_k", "precision_at_k", "recall_at_k", "rmse", "fit_seconds")
        assert list(entry)[:6] == list(promised)
    assert figures["models"]["ease"]["fit_seconds"] == 0.25
    assert figures["models"]["ease"]["rmse"] is None
    assert figures["protocol"] == {"split": "stratified-user", "k": 5}


def test_the_stars_of_the_hybrid_are_those_of_the_rating_model(
    parts: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    def fit(data: RatingData) -> Iterator[Fitted]:
        yield from small_models(data)
        yield Fitted("hybrid", fit_ease(data, 10.0))

    found = compare_models(*parts, fit, 5, fit_rating=lambda data: [Stars()])
    models = comparison_json(found, {})["models"]
    assert models["hybrid"]["rmse"] == models["rating"]["rmse"] > 0
    assert found.best_single == "ease"
    rows = tables(found)
    assert all({tuple(row) for row in table} == {tuple(table[0])} for table in rows.values())


def test_labels_of_the_test_part_reach_no_model(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    train, test = parts
    fitted_on: list[RatingData] = []

    def fit(data: RatingData) -> Iterator[Fitted]:
        fitted_on.append(data)
        yield from small_models(data)

    first = compare_models(train, test, fit, 5)
    shuffled = test.with_columns(pl.col("rating").shuffle(seed=1))
    again = compare_models(train, shuffled, fit, 5)
    for one, other in zip(first.results, again.results, strict=True):
        assert one.by_user.equals(other.by_user)
    assert (fitted_on[0].stars != fitted_on[1].stars).nnz == 0
    # Nor do the items: other test rows leave the models as they were.
    compare_models(train, test.sample(fraction=0.5, seed=2), fit, 5)
    assert (fitted_on[0].stars != fitted_on[2].stars).nnz == 0


@pytest.mark.parametrize("method", ["stratified-user", "chronological", "random"])
def test_a_model_that_sees_the_test_rows_is_caught(method: str) -> None:
    train, test = train_and_test(tasteful_ratings(), method, 0.75, 42)  # type: ignore[arg-type]

    def fit(data: RatingData) -> Iterator[Fitted]:
        everything = rating_data(pl.concat([_rows_of(data), test.select("user", "item", "rating")]))
        yield from small_models(data)
        yield Fitted("cheat", fit_ease(everything, 1.0))

    found = compare_models(train, test, fit, 5)
    checks = check_leaks(found.results, train, test, fit, 5, method, 0.75, 42)  # type: ignore[arg-type]
    assert {check.name: check.suspicious for check in checks} == {
        "popularity": False,
        "ease": False,
        "cheat": True,
    }


def _rows_of(data: RatingData) -> pl.DataFrame:
    pairs = data.stars.tocoo()
    return pl.DataFrame(
        {"user": data.users[pairs.row], "item": data.items[pairs.col], "rating": pairs.data}
    )


def test_users_without_training_rows_are_judged_apart(
    parts: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    train, test = parts
    stranger = test.head(3).with_columns(user=pl.lit(999, pl.Int32))
    alone = compare_models(train, test, small_models, 5)
    found = compare_models(train, pl.concat([test, stranger]), small_models, 5)
    assert (alone.new_users, found.new_users) == (0, 1)
    assert found.results[0].segments["new"]["users"] == 1
    assert found.results[0].figures == alone.results[0].figures


def test_nobody_to_average_over_and_no_model_are_refused(
    parts: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    train, test = parts
    with pytest.raises(JudgingError, match="no user stands in both parts"):
        compare_models(train, test.with_columns(user=pl.col("user") + 1000), small_models, 5)
    with pytest.raises(JudgingError, match="no model"):
        compare_models(train, test, lambda data: [], 5)


@needs_real_data
def test_published_figures_are_reproduced() -> None:
    train, test = train_and_test(read_real_ratings(), "stratified-item", 0.75, 42)
    found = compare_models(train, test, fit_plain, 10)
    figures = {
        result.name: [
            result.figures[name] for name in ("map", "ndcg_at_k", "precision_at_k", "recall_at_k")
        ]
        for result in found.results
    }
    assert REAL_RATINGS is not None
    assert figures["ease"] == pytest.approx([0.1109, 0.4125, 0.3659, 0.1679], abs=1e-4)
    # Which of the equally popular items come first is left open; it moves the last digits.
    assert figures["popularity"] == pytest.approx([0.0380, 0.2120, 0.1866, 0.0698], abs=5e-4)


@pytest.mark.parametrize("ratio", [0.5, 0.75])
def test_the_inner_split_of_a_random_one_holds_out_its_share(ratio: float) -> None:
    train, test = train_and_test(tasteful_ratings(), "random", ratio, 42)
    learned: list[int] = []

    def fit(data: RatingData) -> Iterator[Fitted]:
        learned.append(data.stars.nnz)
        yield from small_models(data)

    check_leaks([], train, test, fit, 5, "random", ratio, 42)
    expected = max(0.5, 2 - 1 / ratio) * train.height
    assert learned[0] == pytest.approx(expected, rel=0.1)


def test_the_inner_split_in_time_has_the_gap_too(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[pl.DataFrame, pl.DataFrame]] = []

    def draw(*args: object) -> tuple[pl.DataFrame, pl.DataFrame]:
        drawn.append(train_and_test(*args))  # type: ignore[arg-type]
        return drawn[-1]

    monkeypatch.setattr("recsys_assets.steps.comparison.leaks.train_and_test", draw)
    train, test = train_and_test(tasteful_ratings(), "global-time", 0.75, 42, 5.0)
    check_leaks([], train, test, small_models, 5, "global-time", 0.75, 42, 5.0)
    known, held_out = (part["timestamp"] for part in drawn[0])
    assert held_out.min() - known.max() > 5 * 86_400  # type: ignore[operator]
