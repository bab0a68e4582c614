"""Models on their way into MLflow and back: one run and one registered version a training.

MLflow is imported on first use: it takes seconds, and most of what reads the lake needs none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from recsys_assets.registry.logged import LoggedModel
from recsys_assets.registry.quiet import quiet_mlflow
from recsys_assets.registry.runs import RunLog
from recsys_assets.registry.storing import OF_ANOTHER_FORM, UnreadableModelError, store_model

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.models.model import ModelInfo
    from mlflow.pyfunc import PyFuncModel, PythonModel

CHALLENGER = "challenger"
CHAMPION = "champion"


class ModelRegistry(RunLog):
    """Where models are logged and registered."""

    def log(
        self,
        name: str,
        model: "PythonModel",
        files: dict[str, Path],
        example: pl.DataFrame,
        *,
        params: dict[str, Any],
        metrics: dict[str, float],
        plots: dict[str, bytes] | None = None,
        tags: dict[str, str] | None = None,
        curves: dict[str, list[float]] | None = None,
    ) -> LoggedModel:
        """Log one training as an MLflow run and register its model as the next version.

        The new version gets the alias ``challenger``, and ``champion`` too where there is none yet.

        Args:
            name: registered name, e.g. ``als_model``.
            model: answers ``predict``; must be importable; it is stored by reference.
            files: name → file the model loads (``context.artifacts[name]``).
            example: a few rows of input; the signature is inferred from them and the answer.
            params: what the model was trained with.
            metrics: how it did.
            plots: title → PNG.
            tags: e.g. the Dagster run and the table versions it was trained on.
            curves: metric → its value after each iteration, the first being iteration 1.
        """
        with self._mlflow() as mlflow:
            experiment = self.experiment_id()
            with mlflow.start_run(experiment_id=experiment, run_name=name) as run:
                mlflow.set_tags(tags or {})
                mlflow.log_params(params)
                self.write_metrics(run.info.run_id, {n: [v] for n, v in metrics.items()}, first=0)
                self.write_metrics(run.info.run_id, curves or {}, first=1)
                for title, png in (plots or {}).items():
                    self.keep_file(run.info.run_id, f"plots/{_file_name(title)}.png", png)
                logged = store_model(model, files, example)
            version = self._register(name, logged, run.info.run_id)
            return LoggedModel(name, version, run.info.run_id, experiment, self.uri)

    def _register(self, name: str, logged: "ModelInfo", run_id: str) -> int:
        """Make a logged model the next version of a name; the version's number."""
        client, full = self.client(), self.address.full(name)
        known = self.registered(name) or client.create_registered_model(full)
        version = client.create_model_version(
            full, logged.model_uri, run_id, model_id=logged.model_id
        ).version
        aliases = (CHALLENGER,) if CHAMPION in known.aliases else (CHALLENGER, CHAMPION)
        for alias in aliases:
            client.set_registered_model_alias(full, alias, str(version))
        return int(version)

    def registered(self, name: str) -> "RegisteredModel | None":
        """What the registry knows of a name; None where nothing is registered under it."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client().get_registered_model(self.address.full(name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def all_registered(self) -> "dict[str, RegisteredModel]":
        """Name → what the registry knows of it."""
        client = self.client()
        page = client.search_registered_models()
        found = list(page)
        while page.token:  # a hundred to a page, and others may register on the same server
            page = client.search_registered_models(page_token=page.token)
            found += page
        return {
            self.address.short(model.name): model
            for model in found
            if model.name.startswith(self.address.prefix)
        }

    def find(self, name: str, alias: str) -> LoggedModel:
        """The version that carries an alias.

        Raises:
            mlflow.exceptions.MlflowException: there is none.
        """
        with quiet_mlflow():
            version = self.client().get_model_version_by_alias(self.address.full(name), alias)
        return self.logged(name, int(version.version))

    def tags(self, name: str, alias: str) -> dict[str, str]:
        """Tags of the run that made the version with an alias.

        Raises:
            mlflow.exceptions.MlflowException: there is none.
        """
        run_id = self.find(name, alias).mlflow_run_id
        with quiet_mlflow():
            return dict(self.client().get_run(run_id).data.tags)

    def logged(self, name: str, version: int) -> LoggedModel:
        """What is known of a version.

        Raises:
            mlflow.exceptions.MlflowException: there is none.
        """
        with quiet_mlflow():
            client = self.client()
            found = client.get_model_version(self.address.full(name), str(version))
            run = client.get_run(str(found.run_id)).info
        return LoggedModel(name, version, run.run_id, run.experiment_id, self.uri)

    def champions(self) -> dict[str, tuple[int, datetime]]:
        """Model → version of its champion, and when that version was registered."""
        with quiet_mlflow():
            client = self.client()
            found = {
                name: client.get_model_version_by_alias(model.name, CHAMPION)
                for name, model in self.all_registered().items()
                if CHAMPION in model.aliases
            }
        return {
            name: (int(v.version), datetime.fromtimestamp(v.creation_timestamp / 1000, UTC))
            for name, v in found.items()
        }

    def has(self, name: str, alias: str = CHALLENGER) -> bool:
        """Whether a version of a model carries an alias; the newest is the challenger."""
        with quiet_mlflow():
            model = self.registered(name)
        return model is not None and alias in model.aliases

    def load(self, name: str, alias: str = CHAMPION) -> "PyFuncModel":
        """The model that carries an alias, ready to predict.

        Raises:
            UnreadableModelError: its files are not of the form that this release reads.
        """
        with self._mlflow() as mlflow:
            try:
                return mlflow.pyfunc.load_model(f"models:/{self.address.full(name)}@{alias}")
            except OF_ANOTHER_FORM as error:
                raise UnreadableModelError(name, alias, error) from error

    @contextmanager
    def _mlflow(self) -> Iterator[Any]:
        """MLflow pointed at this registry, and quiet."""
        with quiet_mlflow():
            import mlflow

            self.client()  # a file has its tables then
            mlflow.set_tracking_uri(self.address.runs)
            mlflow.set_registry_uri(self.address.models)
            yield mlflow


def _file_name(title: str) -> str:
    return title.lower().replace(" ", "_")
