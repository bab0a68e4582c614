"""The asset graph, stage by stage in the order in which data flow."""

from recsys_assets.assets.delivery import delivery_assets
from recsys_assets.assets.evaluation import evaluation_assets
from recsys_assets.assets.features import feature_assets
from recsys_assets.assets.landing import landing_assets
from recsys_assets.assets.models import model_assets, sweep_assets
from recsys_assets.assets.publications import publication_assets
from recsys_assets.assets.recommendations import recommendation_assets
from recsys_assets.assets.serving import serving_assets
from recsys_assets.assets.validated import validated_assets

ASSETS = [
    *landing_assets,
    *validated_assets,
    *feature_assets,
    *model_assets,
    *sweep_assets,
    *evaluation_assets,
    *recommendation_assets,
    *delivery_assets,
    *serving_assets,
    *publication_assets,
]
"""Every asset of the platform."""
