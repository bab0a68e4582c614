"""Recommendations: the tables that consumers read."""

from recsys_assets.assets.steps import step_asset
from recsys_assets.contracts.recommendations import (
    PopularMovies,
    SimilarItems,
    TopK,
    UserSegments,
)
from recsys_assets.steps.publication.popular_movies import list_popular_movies
from recsys_assets.steps.publication.similar_items import find_similar_items
from recsys_assets.steps.publication.top_k import recommend_top_k
from recsys_assets.steps.publication.user_segments import list_user_segments

recommendation_assets = [
    step_asset(
        "top_k",
        recommend_top_k,
        group="recommendations",
        deps=[
            "interactions",
            "movie_features",
            "als_model",
            "rank_model",
            "promotion",
        ],
        kinds={"deltalake", "spark"},
        model=TopK,
    ),
    step_asset(
        "similar_items",
        find_similar_items,
        group="recommendations",
        deps=["movie_features", "als_model"],
        kinds={"deltalake"},
        model=SimilarItems,
    ),
    step_asset(
        "popular_movies",
        list_popular_movies,
        group="recommendations",
        deps=["movie_features"],
        kinds={"deltalake"},
        model=PopularMovies,
    ),
    step_asset(
        "user_segments",
        list_user_segments,
        group="recommendations",
        deps=["interactions", "movie_features"],
        kinds={"deltalake"},
        model=UserSegments,
    ),
]
"""Tables that are served."""
