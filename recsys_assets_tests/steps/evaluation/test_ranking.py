from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.evaluation.ranking import RankingEvaluationParams, evaluate_ranking
from recsys_assets.steps.params import NoParams
from recsys_assets.steps.recommenders.popularity import count_popularity
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.evaluation.test_promotion import split_by
from recsys_assets_tests.steps.tables import write_interactions


def test_nobody_is_judged_by_rows_it_was_trained_on(session: Session) -> None:
    """Of another split a model knows most of the test rows, and ranks these first."""
    write_interactions(session.lake, split_by(1))
    train_als(session, ALSParams(rank=6, iterations=4, rating_rank=3))
    count_popularity(session, NoParams())
    judged = evaluate_ranking(session, RankingEvaluationParams())
    assert judged.figures["test_rows"] == sum(part == "test" for *_, part in split_by(1))
    write_interactions(session.lake, split_by(1))
    assert evaluate_ranking(session, RankingEvaluationParams()).figures == judged.figures
    write_interactions(session.lake, split_by(2))
    leaked = evaluate_ranking(session, RankingEvaluationParams())
    both = zip(split_by(1), split_by(2), strict=True)
    known = sum((old[-1], new[-1]) == ("train", "test") for old, new in both)
    assert leaked.failed.startswith(f"als_model was trained on {known} of the ")
    assert session.lake.version("ranking_evaluation") == 1
