import polars as pl

from recsys_assets.steps.evaluation.report import Judgement, report_ranking


def test_the_first_figures_are_those_of_the_model_that_ranks_best() -> None:
    figures = {
        "als_model": {"precision@10": 0.2, "ndcg@10": 0.3, "rmse": 0.9},
        "rank_model": {"precision@10": 0.3, "ndcg@10": 0.4},
    }
    test = pl.DataFrame({"user": [1, 1], "item": [1, 2]})
    told = report_ranking(Judgement(figures, [], test, 10), rows=5, version=0).figures
    assert list(told)[:4] == [
        "test_rows",
        "test_users",
        "ndcg@10 (rank_model)",
        "ndcg@10 (als_model)",
    ]
    assert told["rmse (als_model)"] == 0.9 and len([n for n in told if "(" in n]) == 5
