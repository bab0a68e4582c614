"""Runs in MLflow: parameters, figures and files of a training, an evaluation, a sweep."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_assets.registry.address import RegistryAddress
from recsys_assets.registry.database import make_tables
from recsys_assets.registry.logged import LoggedModel
from recsys_assets.registry.quiet import quiet_mlflow
from recsys_assets.registry.relocation import settle

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class RunLog:
    """Where runs are logged."""

    uri: str
    """MLflow's address in one of the forms of `RegistryAddress`."""
    artifacts: str = ""
    """Where MLflow keeps files of new experiments; the server's own choice if empty."""

    @property
    def address(self) -> RegistryAddress:
        """Where runs go, where models go, and what models are called there."""
        return RegistryAddress.of(self.uri)

    @property
    def is_empty(self) -> bool:
        """Whether it is a file that nobody made yet; asking anything else would make it."""
        return self.address.is_file and not self._file.is_file()

    @property
    def _file(self) -> Path:
        return Path(self.uri.removeprefix("sqlite:///"))

    def client(self) -> "MlflowClient":
        """MLflow's client, of runs and of models."""
        from mlflow import MlflowClient

        if self.address.is_file:
            make_tables(self.address.runs)
            if self.artifacts:
                settle(self._file, Path(self.artifacts))
        return MlflowClient(tracking_uri=self.address.runs, registry_uri=self.address.models)

    def start_run(self, name: str, tags: Mapping[str, str]) -> LoggedModel:
        """Open a run that registers no model, e.g. of a sweep; its version is 0."""
        with quiet_mlflow():
            experiment = self.experiment_id()
            run = self.client().create_run(experiment, run_name=name, tags=dict(tags))
        return LoggedModel(name, 0, run.info.run_id, experiment, self.uri)

    def end_run(
        self, run: LoggedModel, metrics: Mapping[str, float], status: str = "FINISHED"
    ) -> None:
        """Add the last figures to a run and close it, as FINISHED or FAILED."""
        self.log_metrics(run, metrics)
        self.client().set_terminated(run.mlflow_run_id, status)

    def log_metrics(self, model: LoggedModel, metrics: Mapping[str, float]) -> None:
        """Add figures to the run of a model, e.g. those of a later evaluation."""
        with quiet_mlflow():
            self.write_metrics(
                model.mlflow_run_id, {name: [value] for name, value in metrics.items()}, first=0
            )

    def write_metrics(self, run_id: str, values: Mapping[str, list[float]], first: int) -> None:
        """Add the values of metrics from a first step on, as many at once as MLflow takes."""
        from mlflow.entities import Metric
        from mlflow.utils.validation import MAX_METRICS_PER_BATCH

        now = int(time.time() * 1000)
        rows = [
            Metric(name, value, now, step)
            for name, curve in values.items()
            for step, value in enumerate(curve, first)
        ]
        for start in range(0, len(rows), MAX_METRICS_PER_BATCH):
            batch = rows[start : start + MAX_METRICS_PER_BATCH]
            self.client().log_batch(run_id, metrics=batch)

    def log_files(self, model: LoggedModel, files: Mapping[str, bytes]) -> None:
        """Add files to the run of a model: path within the run's artifacts → content."""
        with quiet_mlflow():
            for path, content in files.items():
                self.keep_file(model.mlflow_run_id, path, content)

    def params(self, model: LoggedModel) -> dict[str, str]:
        """What a model was trained with, as texts."""
        with quiet_mlflow():
            return dict(self.client().get_run(model.mlflow_run_id).data.params)

    def experiment_id(self) -> str:
        """Id of the experiment that holds all runs; it is made where there is none."""
        with quiet_mlflow():
            client = self.client()
            found = client.get_experiment_by_name(self.address.experiment)
            if found is not None:
                return str(found.experiment_id)
            return str(client.create_experiment(self.address.experiment, self.artifacts or None))

    def keep_file(self, run_id: str, path: str, content: bytes) -> None:
        """Add a file to a run, under a path within its artifacts."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(path).name
            file.write_bytes(content)
            inside = str(Path(path).parent)
            self.client().log_artifact(run_id, str(file), None if inside == "." else inside)
