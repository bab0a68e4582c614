"""Asset checks, stage by stage."""

from recsys_assets.checks.clicks import click_checks
from recsys_assets.checks.drift import drift_checks
from recsys_assets.checks.features import feature_checks
from recsys_assets.checks.models import model_checks
from recsys_assets.checks.published import published_checks
from recsys_assets.checks.recommendations import recommendation_checks
from recsys_assets.checks.validated import validated_checks

CHECKS = [
    *validated_checks,
    *feature_checks,
    *model_checks,
    *click_checks,
    *drift_checks,
    *recommendation_checks,
    *published_checks,
]
"""Every check of the platform."""
