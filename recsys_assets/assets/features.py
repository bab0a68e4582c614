"""Features: what models learn from."""

from recsys_assets.assets.steps import step_asset
from recsys_assets.contracts.click_tables import ClickFeatures
from recsys_assets.contracts.features import Interactions, MovieFeatures, UserFeatures
from recsys_assets.steps.clicks.features import encode_clicks
from recsys_assets.steps.features.tables import (
    build_interactions,
    build_movie_features,
    build_user_features,
)

_KINDS = {"deltalake", "spark"}

feature_assets = [
    step_asset(
        "interactions",
        build_interactions,
        group="features",
        deps=["ratings"],
        kinds=_KINDS,
        model=Interactions,
    ),
    step_asset(
        "movie_features",
        build_movie_features,
        group="features",
        deps=["movies", "interactions"],
        kinds=_KINDS,
        model=MovieFeatures,
    ),
    step_asset(
        "user_features",
        build_user_features,
        group="features",
        deps=["interactions", "movie_features"],
        kinds=_KINDS,
        model=UserFeatures,
    ),
    step_asset(
        "click_features",
        encode_clicks,
        group="features",
        deps=["clicks"],
        kinds={"deltalake", "polars", "spark"},
        model=ClickFeatures,
    ),
]
"""Tables of the features stage."""
