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

    @property
    def lake(self) -> Lake:
        """The Delta tables."""
        return Home(root=Path(self.home)).lake

    @property
    def landing_zone(self) -> LandingZone:
        """Files as they came."""
        return Home(root=Path(self.home)).landing_zone

    @property
    def registry(self) -> ModelRegistry:
        """The models."""
        return Home(root=Path(self.home)).registry

    @property
    def bundles(self) -> Path:
        """Folder of the serving bundles."""
        return Home(root=Path(self.home)).bundles

    @property
    def feedback(self) -> Path:
        """Folder of the service's feedback journals."""
        return Home(root=Path(self.home)).feedback
