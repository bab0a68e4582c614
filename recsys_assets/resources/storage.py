"""The lake and the landing zone, for assets and checks that need no Spark."""

from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg
from pydantic import Field

from recsys_assets.home import Home
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry
from recsys_assets.resources.ownership import claim
from recsys_assets.resources.run_lock import LONGEST_WAIT_SECONDS, alone


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

    def alone(self, context: dg.AssetExecutionContext) -> AbstractContextManager[None]:
        """Within it no other run writes these tables; that of a step lasts to the end of its run.

        What is read from several of them, or published after another publication, is of one time.
        """
        home = self.state
        claim(home)
        return alone(home.root, LONGEST_WAIT_SECONDS, context.run_id, context.log.info)

    @property
    def state(self) -> Home:
        """All of this deployment's folders."""
        return Home(root=Path(self.home), account=self.account, mlflow=self.mlflow)
