"""Models: trained, kept as tables, registered in MLflow."""

from recsys_assets.assets.steps import step_asset
from recsys_assets.contracts.best_params import BEST_PARAMS, BestParams
from recsys_assets.contracts.click_tables import ClickModelTable
from recsys_assets.contracts.models import (
    ALS_FACTORS,
    ITEM_LINKS,
    POPULARITY,
    RANK_FEATURES,
    ALSFactors,
    ItemLinks,
    Popularity,
    RankFeatures,
)
from recsys_assets.steps.als.sweep import sweep_als_params
from recsys_assets.steps.als.train import train_als
from recsys_assets.steps.clicks.model import train_click_model
from recsys_assets.steps.clicks.sweep import sweep_click_params
from recsys_assets.steps.recommenders.models import (
    train_content_model,
    train_item_model,
    train_rank_model,
)
from recsys_assets.steps.recommenders.popularity import count_popularity

sweep_assets = [
    step_asset(
        "als_sweep",
        sweep_als_params,
        group="sweeps",
        deps=["interactions"],
        kinds={"spark", "mlflow", "deltalake"},
        model=BestParams,
        table=BEST_PARAMS,
    ),
    step_asset(
        "click_sweep",
        sweep_click_params,
        group="sweeps",
        deps=["click_features"],
        kinds={"lightgbm", "mlflow", "deltalake"},
        model=BestParams,
        table=BEST_PARAMS,
    ),
]
"""Searches for better parameters, on request and once a week."""

model_assets = [
    step_asset(
        "als_model",
        train_als,
        group="models",
        deps=["interactions"],
        kinds={"spark", "mlflow", "deltalake"},
        model=ALSFactors,
        table=ALS_FACTORS,
    ),
    step_asset(
        "popularity_model",
        count_popularity,
        group="models",
        deps=["interactions"],
        kinds={"polars", "mlflow", "deltalake"},
        model=Popularity,
        table=POPULARITY,
    ),
    step_asset(
        "item_model",
        train_item_model,
        group="models",
        deps=["interactions", "movie_features"],
        kinds={"numpy", "mlflow", "deltalake"},
        model=ItemLinks,
        table=ITEM_LINKS,
    ),
    step_asset(
        "content_model",
        train_content_model,
        group="models",
        deps=["interactions", "movie_features"],
        kinds={"numpy", "mlflow"},
    ),
    step_asset(
        "rank_model",
        train_rank_model,
        group="models",
        deps=["interactions", "movie_features"],
        kinds={"spark", "lightgbm", "mlflow", "deltalake"},
        model=RankFeatures,
        table=RANK_FEATURES,
    ),
    step_asset(
        "click_model",
        train_click_model,
        group="models",
        deps=["click_features"],
        kinds={"spark", "lightgbm", "mlflow", "deltalake"},
        model=ClickModelTable,
    ),
]
"""Models that recommend."""
