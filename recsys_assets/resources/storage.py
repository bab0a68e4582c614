"""The lake and the landing zone, for assets and checks that need no Spark."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from recsys_assets.home import Home
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry


class Storage(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where files land and tables lie."""

    home: str = Field(description="Folder of all state.")
    account: str = Field(default="", description="Storage account of Azure; none: all local.")
    mlflow: str = Field(default="", description="MLflow's address; none: a file of the home.")

    @property
    def lake(self) -> Lake:
        """The Delta tables."""
        return self.state.lake

    @property
    def landing_zone(self) -> LandingZone:
        """Files as they came."""
        return self.state.landing_zone

    @property
    def registry(self) -> ModelRegistry:
        """The models."""
        return self.state.registry

    @property
    def state(self) -> Home:
        """All of this deployment's folders."""
        return Home(root=Path(self.home), account=self.account, mlflow=self.mlflow)
