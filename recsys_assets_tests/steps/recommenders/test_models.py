import gc

import numpy as np
import pandas as pd
import polars as pl

from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.registry.packing import load_model, save_model
from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.evaluation import ranking
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.features.tables import build_movie_features
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.publication.top_k import TopKParams, recommend_top_k
from recsys_assets.steps.publication.user_segments import UserSegmentsParams, list_user_segments
from recsys_assets.steps.recommenders.lists import load_recommender
from recsys_assets.steps.recommenders.models import (
    ItemModelParams,
    RecommenderParams,
    train_content_model,
    train_item_model,
    train_rank_model,
)
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session
from recsys_assets_tests.kernels.recommenders.worlds import split_rows, taste_world
from recsys_assets_tests.steps.tables import (
    random_interactions,
    write_interactions,
    write_movies,
)


def prepare(session: Session) -> pl.DataFrame:
    frame, content = taste_world(users=80)
    train, test = split_rows(frame)
    rows = [
        (*row, part) for part, some in (("train", train), ("test", test)) for row in some.rows()
    ]
    write_interactions(session.lake, rows)
    movies = zip(content.items.tolist(), content.titles, content.genres, strict=True)
    write_movies(session.lake, [(item, f"{t}, The (1999)", "|".join(g)) for item, t, g in movies])
    build_movie_features(session, NoParams())
    return frame


def test_the_models_are_trained_judged_and_published_with_reasons(session: Session) -> None:
    frame = prepare(session)
    train_als(session, ALSParams(rank=6, iterations=4, rating_rank=3))
    count_popularity(session, NoParams())
    links = train_item_model(session, ItemModelParams(links=5))
    assert links.rows["item_links"] > 0
    assert not train_content_model(session, RecommenderParams()).failed
    ranked = train_rank_model(session, RecommenderParams())
    assert ranked.rows["rank_features"] > 10
    # Not of the trees' gain, of which this plot knows nothing.
    assert b"of the contributions" in ranked.plots["Contributions"]

    model = load_recommender(session.registry, "rank_model")
    assert isinstance(model, Hybrid)
    # SynapseML grew them.
    assert [len(trees) for trees in model.rankers] == [200, 200]

    judged = evaluate_ranking(session, RankingEvaluationParams())
    ndcg = {n: judged.figures[f"ndcg@10 ({n})"] for n in ("rank_model", "popularity_model")}
    assert ndcg["rank_model"] > ndcg["popularity_model"]

    recommend_top_k(session, TopKParams(k=5))
    lists = session.lake.scan("top_k").collect()
    assert lists["model"].unique().to_list() == ["rank_model"]
    assert lists.join(frame, on=["user", "item"], how="semi").is_empty()
    assert lists.group_by("user").len()["len"].to_list() == [5] * 80
    named = lists.filter(pl.col("reason_item").is_not_null())
    assert named.height > 0.9 * lists.height
    assert named["reason"].str.starts_with("because you rated The Picture").all()
    rated = frame.select("user", reason_item=pl.col("item").cast(pl.Int32))
    assert named.join(rated, on=["user", "reason_item"], how="anti").is_empty()

    gone = lists["item"].value_counts(sort=True)["item"][0]
    for table in ("interactions", "movie_features"):
        kept = session.lake.scan(table).filter(pl.col("item") != gone).collect()
        session.lake.write_frame(kept, table)
    recommend_top_k(session, TopKParams(k=5))  # by the champion, which still knows the movie
    assert gone not in session.lake.scan("top_k").collect()["item"]

    served = session.registry.load("rank_model")
    answer = served.predict(pd.DataFrame({"user": [1, 77_777], "k": [4, 2]}))
    assert answer.groupby("user").size().to_dict() == {1: 4, 77_777: 2}


def test_nothing_of_a_fit_is_left_when_it_has_ended(session: Session) -> None:
    """Of a large catalogue a member takes gigabytes, and the next step runs in this process."""
    prepare(session)
    others = members_held()
    gc.disable()
    try:
        assert not train_item_model(session, ItemModelParams(links=5)).failed
        assert {id(each) for each in members_held()} <= {id(each) for each in others}
    finally:
        gc.enable()


def members_held() -> list[EaseMember]:
    return [each for each in gc.get_objects() if isinstance(each, EaseMember)]


def test_a_saved_model_answers_as_before(session: Session, tmp_path) -> None:  # type: ignore[no-untyped-def]
    prepare(session)
    train_item_model(session, ItemModelParams())
    model = load_recommender(session.registry, "item_model")
    again = load_model(save_model(model, tmp_path / "model.npz"))
    users = model.catalogue.users[:7]
    assert (again.scores(users) == model.scores(users)).all()


def test_segments_for_users_of_whom_nothing_is_known(session: Session) -> None:
    prepare(session)
    report = list_user_segments(session, UserSegmentsParams(k=6))
    table = session.lake.scan("user_segments").collect()
    assert report.rows["user_segments"] == 5 * 6
    assert table["segment"].unique().sort().to_list() == [
        *("Action", "Comedy", "Drama", "Horror", "newcomers")
    ]
    comedy = table.filter(segment="Comedy")
    assert comedy["title"].str.contains("of Comedy").all()
    assert comedy["reason"].unique().to_list() == ["popular among newcomers, of the genre Comedy"]


def test_nothing_landed_is_said(session: Session) -> None:
    for step in (train_content_model, train_rank_model):
        assert step(session, RecommenderParams()).skipped
    assert train_item_model(session, ItemModelParams()).skipped
    assert list_user_segments(session, UserSegmentsParams()).skipped


def test_users_without_training_rows_count_with_an_empty_list(session: Session) -> None:
    rows = random_interactions()
    alone = [(u, i, *more, "test" if i % 2 else "validation") for u, i, *more, _ in rows if u == 7]
    write_interactions(session.lake, [*(row for row in rows if row[0] != 7), *alone])
    train_als(session, ALSParams(rank=6, rating_rank=3))
    count_popularity(session, NoParams())
    train_item_model(session, ItemModelParams())
    test = session.lake.scan("interactions").filter(split="test").collect()
    judged = ranking._registered(session, test, 10)["item_model"]
    assert judged.filter(user=7)["ndcg_at_k"].to_list() == [0.0]
    assert judged["ndcg_at_k"].sum() > 0


def test_where_everybody_has_rated_everything_there_are_no_lists(session: Session) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (user, item, 4.0, 1_700_000_000, "train" if rng.random() < 0.75 else "test")
        for user in range(1, 31)
        for item in range(1, 13)
    ]
    write_interactions(session.lake, rows)
    train_rank_model(session, RecommenderParams())
    assert recommend_top_k(session, TopKParams()).rows == {"top_k": 0}


def test_a_rank_model_is_trained_on_three_ratings_too(session: Session) -> None:
    rows = [(1, 1, 4.0, 1_700_000_000), (1, 2, 3.0, 1_700_000_001), (2, 1, 3.0, 1_700_000_002)]
    write_interactions(session.lake, [(*row, "train") for row in rows])
    assert not train_rank_model(session, RecommenderParams()).failed
    write_interactions(session.lake, [(*rows[0], "train")])
    assert "too few rows" in train_rank_model(session, RecommenderParams()).failed
