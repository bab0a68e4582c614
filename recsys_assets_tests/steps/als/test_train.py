import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.contracts.models import ALSFactors
from recsys_assets.kernels.metrics.ranking import mean_ranking, ranking_by_user
from recsys_assets.kernels.metrics.rating import rating_metrics
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.publication.similar_items import SimilarItemsParams, find_similar_items
from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
from recsys_assets.steps.recommenders.candidates import read_vectors
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session
from recsys_assets_tests.kernels.metrics.known_answers import ranked
from recsys_assets_tests.steps.tables import random_interactions, write_interactions, write_movies

SMALL = ALSParams(rank=6, iterations=4, rating_rank=3)
SIZE = 30


def checkerboard() -> list[tuple[int, int, float, int, str]]:
    """Even users like even items, odd users odd ones; the item of one's own number is withheld."""
    return [
        (user, item, 5.0, 1_700_000_000, "test" if user == item else "train")
        for user in range(1, SIZE + 1)
        for item in range(1, SIZE + 1)
        if user % 2 == item % 2
    ]


def test_the_withheld_item_of_a_checkerboard_is_recommended_first(session: Session) -> None:
    write_interactions(session.lake, checkerboard())
    # Two tastes need two factors.
    train_als(session, ALSParams(rank=2, iterations=10, regularization=0.02))
    count_popularity(session, NoParams())
    vectors = read_vectors(session.lake, "ranking")
    train = [row for row in checkerboard() if row[4] == "train"]
    seen = vectors.matrix(*(np.array([row[n] for row in train]) for n in (0, 1)))
    scores = vectors.user_factors @ vectors.item_factors.T
    scores[seen.nonzero()] = -np.inf
    assert vectors.items[scores.argmax(axis=1)].tolist() == vectors.users.tolist()
    report = evaluate_ranking(session, RankingEvaluationParams(k=1))
    assert report.figures["precision@1 (als_model)"] == 1.0
    assert report.figures["ndcg@1 (als_model)"] == 1.0


def test_published_lists_hold_nothing_seen_and_are_as_long_as_can_be(session: Session) -> None:
    rows = random_interactions(users=20, items=14, share=0.5)
    write_interactions(session.lake, rows)
    write_movies(session.lake, [(n, f"Movie {n} (2000)", "Drama") for n in range(1, 15)])
    train_als(session, SMALL)
    report = recommend_top_k(session, TopKParams(k=10))
    lists = session.lake.scan("top_k").collect()
    rated = {user: {i for u, i, *_ in rows if u == user} for user in range(1, 21)}
    items = {item for _, item, *_, part in rows if part == "train"}
    for user, of_user in rated.items():
        found = lists.filter(user=user).sort("rank")
        assert found["rank"].to_list() == list(range(1, min(10, len(items - of_user)) + 1))
        assert set(found["item"]).isdisjoint(of_user)
        assert found["score"].is_sorted(descending=True)
        assert set(found["reason_item"]) <= of_user
    assert lists["model_version"].unique().to_list() == [1]
    assert report.figures["users"] == 20
    full = lists.group_by("user").len().filter(len=10).height
    assert report.figures["users_with_full_lists"] == full < 20
    similar = find_similar_items(session, SimilarItemsParams(k=3))
    assert similar.rows["similar_items"] == 3 * len(items)


def test_the_same_step_twice_gives_the_same_tables(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    found = []
    for _ in range(2):
        train_als(session, SMALL)
        recommend_top_k(session, TopKParams())
        factors = session.lake.scan("als_factors").sort("task", "side", "id").collect()
        lists = session.lake.scan("top_k").drop("model_version").sort("user", "rank").collect()
        found.append((factors, lists))
    assert_frame_equal(found[0][0], found[1][0], rel_tol=1e-5, abs_tol=1e-6)
    assert_frame_equal(found[0][1], found[1][1], rel_tol=1e-5, abs_tol=1e-6)


def test_evaluation_equals_the_metrics_of_the_full_score_matrix(session: Session) -> None:
    rows = random_interactions()
    # A user and an item that training never saw.
    rows += [(99, 1, 4.0, 1, "test"), (1, 77, 2.0, 1, "test"), (98, 78, 3.0, 1, "test")]
    write_interactions(session.lake, rows)
    train_als(session, SMALL)
    count_popularity(session, NoParams())
    report = evaluate_ranking(session, RankingEvaluationParams(k=5))
    frame = pl.DataFrame(rows, schema=["user", "item", "rating", "time", "split"], orient="row")
    frame = frame.with_columns(pl.col("user", "item").cast(pl.Int32))
    train, test = frame.filter(split="train"), frame.filter(split="test")
    seen = frame.filter(pl.col("split") != "test").select("user", "item")
    vectors = read_vectors(session.lake, "ranking")
    counts = dict(train.group_by("item").len().iter_rows())
    everything = vectors.user_factors @ vectors.item_factors.T
    for model, score_of in (
        ("als_model", lambda u, i: float(everything[u, i])),
        ("popularity_model", lambda u, i: float(counts[vectors.items[i]])),
    ):
        pairs = pl.DataFrame(
            [
                (user, item, score_of(u, i))
                for u, user in enumerate(vectors.users.tolist())
                for i, item in enumerate(vectors.items.tolist())
            ],
            schema={"user": pl.Int32, "item": pl.Int32, "score": pl.Float64},
            orient="row",
        ).join(seen, on=["user", "item"], how="anti")
        direct = mean_ranking(ranking_by_user(ranked(pairs, 5), test[["user", "item"]], 5))
        for name, value in direct.items():
            told = report.figures[f"{name.replace('_at_k', '@5')} ({model})"]
            assert told == pytest.approx(value, rel=1e-9), (model, name)
    table = session.lake.scan("ranking_evaluation").collect()
    assert table["model_version"].unique().to_list() == [1]
    assert report.rows["ranking_evaluation"] == table.height == 16


def test_ratings_are_predicted_from_biases_where_a_side_is_unknown(session: Session) -> None:
    rows = [row for row in random_interactions() if row[4] == "train"]
    unknown = [(99, 1, 4.0, 1, "test"), (1, 77, 2.0, 1, "test"), (98, 78, 3.0, 1, "test")]
    known = [(5, 6, 3.5, 1, "test"), (7, 9, 4.5, 1, "test")]
    rows = [row for row in rows if (row[0], row[1]) not in {(5, 6), (7, 9)}]
    write_interactions(session.lake, [*rows, *unknown, *known])
    train_als(session, SMALL)
    count_popularity(session, NoParams())
    report = evaluate_ranking(session, RankingEvaluationParams())
    vectors = read_vectors(session.lake, "rating")
    mean = float(np.mean([row[2] for row in rows]))
    user = {u: vectors.user_factors[n] for n, u in enumerate(vectors.users.tolist())}
    item = {i: vectors.item_factors[n] for n, i in enumerate(vectors.items.tolist())}
    predicted = [
        float(item[1][-1]),  # mean and item bias
        mean + float(user[1][-2]),  # mean and user bias
        mean,
        float(user[5] @ item[6]),
        float(user[7] @ item[9]),
    ]
    truth = [row[2] for row in [*unknown, *known]]
    expected = rating_metrics(truth, np.clip(predicted, 0.5, 5))
    for name, value in expected.items():
        assert report.figures[f"{name} (als_model)"] == pytest.approx(value, rel=1e-5)


def test_factors_keep_their_contract_and_the_registry_serves_them(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    report = train_als(session, SMALL)
    factors = session.lake.scan("als_factors").collect()
    ALSFactors.validate(factors)
    assert report.rows["als_factors"] == factors.height
    lengths = factors.group_by("task").agg(pl.col("factors").list.len().unique())
    assert dict(lengths.iter_rows()) == {"ranking": [6], "rating": [3 + 2]}
    vectors = read_vectors(session.lake, "ranking")
    model = session.registry.load("als_model", CHALLENGER)
    answer = model.predict(pl.DataFrame({"user": [3, 999, 1], "k": [4, 4, 2]}).to_pandas())
    assert answer["user"].tolist() == [3] * 4 + [1] * 2
    for user, k in ((3, 4), (1, 2)):
        scores = vectors.item_factors @ vectors.user_factors[vectors.users == user][0]
        best = np.argsort(-scores)[:k]
        found = answer[answer["user"] == user]
        assert found["item"].tolist() == vectors.items[best].tolist()
        np.testing.assert_allclose(found["score"], scores[best], rtol=1e-5)
    run = session.registry.client().get_run(
        session.registry.find("als_model", CHAMPION).mlflow_run_id
    )
    assert run.data.params["rank"] == "6" and run.data.tags["dagster/run_id"] == "test-run"
    assert run.data.tags["table/als_factors"] == str(report.versions["als_factors"])


def test_evaluation_is_kept_with_the_run_and_as_a_page(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    train_als(session, SMALL)
    count_popularity(session, NoParams())
    report = evaluate_ranking(session, RankingEvaluationParams())
    page = report.links["Report page"]
    assert session.reports is not None and str(session.reports) in page
    with open(page, encoding="utf-8") as file:  # noqa: PTH123
        html = file.read()
    assert "ranks best" in html and "data:image/png;base64," in html and "http" not in html
    client = session.registry.client()
    for name in ("als_model", "popularity_model"):
        run = client.get_run(session.registry.find(name, CHALLENGER).mlflow_run_id)
        told = report.figures[f"ndcg@10 ({name})"]
        assert run.data.metrics["ndcg_at_10"] == pytest.approx(told)
        kept = {file.path for file in client.list_artifacts(run.info.run_id, "evaluation")}
        assert kept == {"evaluation/report.html", "evaluation/ranking_metrics.png"}


def test_missing_tables_are_nothing_to_do(session: Session) -> None:
    assert train_als(session, SMALL).skipped
    assert count_popularity(session, NoParams()).skipped
    assert recommend_top_k(session, TopKParams()).skipped
    assert find_similar_items(session, SimilarItemsParams()).skipped
    skipped = evaluate_ranking(session, RankingEvaluationParams()).skipped
    assert "als_factors" in skipped and "popularity" in skipped


def test_a_part_without_rows_fails(session: Session) -> None:
    only_test = [(1, 1, 3.0, 1, "test"), (2, 1, 4.0, 1, "test")]
    write_interactions(session.lake, only_test)
    assert "training part" in train_als(session, SMALL).failed
    assert "training part" in count_popularity(session, NoParams()).failed
    write_interactions(session.lake, [(*row[:4], "train") for row in random_interactions()])
    train_als(session, SMALL)
    count_popularity(session, NoParams())
    assert "test part" in evaluate_ranking(session, RankingEvaluationParams()).failed


def test_factors_too_many_to_send_are_fitted_by_spark_ml(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    report = train_als(session, SMALL.model_copy(update={"largest_broadcast": 100}))
    assert str(report.figures["solver"]).startswith("spark_ml, since the factors take")
    by_spark = read_vectors(session.lake, "rating")
    assert train_als(session, SMALL).figures["solver"] == "workers"
    ours = read_vectors(session.lake, "rating")
    # The places of the biases do not depend on the solver.
    np.testing.assert_allclose(by_spark.user_factors[:, -2:], ours.user_factors[:, -2:])
    np.testing.assert_allclose(by_spark.item_factors[:, -2:], ours.item_factors[:, -2:])
    assert by_spark.user_factors.shape == ours.user_factors.shape
