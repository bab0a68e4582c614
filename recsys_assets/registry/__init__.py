"""The model registry: MLflow runs, registered model versions and their aliases."""

from recsys_assets.registry.client import CHALLENGER, CHAMPION, LoggedModel, ModelRegistry

__all__ = ["CHALLENGER", "CHAMPION", "LoggedModel", "ModelRegistry"]
