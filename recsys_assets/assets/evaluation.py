"""Evaluation: every model judged by rows it has not seen."""

from recsys_assets.assets.steps import step_asset
from recsys_assets.contracts.models import RankingEvaluation
from recsys_assets.steps.ranking_evaluation import evaluate_ranking

evaluation_assets = [
    step_asset(
        "ranking_evaluation",
        evaluate_ranking,
        group="evaluation",
        deps=["interactions", "als_model", "popularity_model"],
        kinds={"deltalake", "mlflow", "spark"},
        model=RankingEvaluation,
    ),
]
"""Tables of figures, with their plots."""
