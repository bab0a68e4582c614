"""What is known of a training that was logged."""

from dataclasses import dataclass

from recsys_assets.registry.address import without_account


@dataclass(frozen=True)
class LoggedModel:
    """One registered version of a model."""

    name: str
    version: int
    mlflow_run_id: str
    experiment_id: str

    address: str = ""
    """Where the registry's pages are served, or ``sqlite:…`` where nobody serves them yet."""

    @property
    def link(self) -> str:
        """Where a person opens the run, and what to start first where nothing serves it."""
        page = f"#/experiments/{self.experiment_id}/runs/{self.mlflow_run_id}"
        address = without_account(self.address)
        if address.startswith("http"):
            return f"{address.rstrip('/')}/{page}"
        if not address.startswith("sqlite:"):
            return f"{page} on the pages of {address}"
        return f"http://127.0.0.1:5000/{page} (once `recsys mlflow` runs)"
