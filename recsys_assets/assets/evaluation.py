"""Evaluation: every model judged by rows it has not seen."""

from recsys_assets.assets.steps import step_asset
from recsys_assets.contracts.click_tables import ClickEvaluation
from recsys_assets.contracts.drift import DRIFT, Drift
from recsys_assets.contracts.models import Backtest, Promotion, RankingEvaluation
from recsys_assets.steps.clicks.evaluation import evaluate_click_model
from recsys_assets.steps.clicks.promotion import decide_click_promotion
from recsys_assets.steps.evaluation.backtest import run_backtest
from recsys_assets.steps.evaluation.drift import measure_click_drift, measure_rating_drift
from recsys_assets.steps.evaluation.promotion import decide_promotion
from recsys_assets.steps.evaluation.ranking import evaluate_ranking

evaluation_assets = [
    step_asset(
        "ranking_evaluation",
        evaluate_ranking,
        group="evaluation",
        deps=[
            "interactions",
            "als_model",
            "popularity_model",
            "item_model",
            "content_model",
            "rank_model",
        ],
        kinds={"deltalake", "mlflow", "spark"},
        model=RankingEvaluation,
    ),
    step_asset(
        "click_evaluation",
        evaluate_click_model,
        group="evaluation",
        deps=["click_features", "click_model"],
        kinds={"deltalake", "mlflow", "spark"},
        model=ClickEvaluation,
    ),
    step_asset(
        "promotion",
        decide_promotion,
        group="evaluation",
        deps=["ranking_evaluation", "rank_model", "item_model", "content_model"],
        kinds={"deltalake", "mlflow", "polars"},
        model=Promotion,
    ),
    step_asset(
        "click_promotion",
        decide_click_promotion,
        group="evaluation",
        deps=["click_evaluation"],
        kinds={"deltalake", "mlflow", "polars"},
        model=Promotion,
    ),
    step_asset(
        "backtest",
        run_backtest,
        group="backtests",
        deps=["interactions", "movie_features"],
        kinds={"deltalake", "polars"},
        model=Backtest,
    ),
    step_asset(
        "rating_drift",
        measure_rating_drift,
        group="evaluation",
        deps=["ratings", "als_model"],
        kinds={"deltalake", "polars"},
        model=Drift,
        table=DRIFT,
    ),
    step_asset(
        "click_drift",
        measure_click_drift,
        group="evaluation",
        deps=["clicks", "click_model"],
        kinds={"deltalake", "polars"},
        model=Drift,
        table=DRIFT,
    ),
]
"""Tables of figures, with their plots."""
