"""Versions of models that nobody goes back to: removed with their files, which fill the disk.

Each training leaves a version, and none replaces the files of another. What is in use stays, and
the one that `recsys demote` would bring back, however old.
"""

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_assets.registry.champions import former_champions
from recsys_assets.registry.client import ModelRegistry
from recsys_assets.registry.quiet import quiet_mlflow

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel


_LOGGED = "models:/"
"""Begins the source of a version that was logged as a model; its id follows."""


def forget_models(registry: ModelRegistry, before: datetime) -> int:
    """Remove versions that were registered before a time; how many.

    The figures of their trainings stay. A registry that is served keeps its files by its own rules:
    nothing is removed there. No run may be at work.
    """
    address = registry.address
    if not address.is_file or not Path(registry.uri.removeprefix("sqlite:///")).is_file():
        return 0
    removed = 0
    with quiet_mlflow():
        for model in registry.all_registered().values():
            found = registry.client().search_model_versions(f"name = '{model.name}'")
            kept = _needed(model, {int(version.version) for version in found})
            for version in found:
                old = version.creation_timestamp < before.timestamp() * 1000
                if old and int(version.version) not in kept:
                    _remove(registry, version)
                    removed += 1
    return removed


def _needed(model: "RegisteredModel", there: set[int]) -> set[int]:
    """Versions with an alias, and the latest former champion that is left."""
    former = [version for version in former_champions(model) if version in there]
    return {int(version) for version in model.aliases.values()} | set(former[-1:])


def _remove(registry: ModelRegistry, version: "ModelVersion") -> None:
    """Remove a version; its files first, so that the next time finds what broke off."""
    from mlflow.exceptions import MlflowException

    client, source = registry.client(), str(version.source)
    model_id = source.removeprefix(_LOGGED)
    # What somebody registered by hand may lie anywhere: its files stay.
    is_ours = source.startswith(_LOGGED) and "/" not in model_id
    if is_ours:
        shutil.rmtree(Path(registry.artifacts) / "models" / model_id, ignore_errors=True)
    client.delete_model_version(version.name, version.version)
    if is_ours:
        with suppress(MlflowException):  # somebody has deleted it on MLflow's pages
            client.delete_logged_model(model_id)
