"""Everything that differs from one deployment to the next, as values."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, FilePath

from recsys_assets.deployment.azure import mlflow_setting
from recsys_assets.deployment.errors import naming_variables
from recsys_assets.home import Home
from recsys_assets.resources.spark import SparkSettings

if TYPE_CHECKING:
    from recsys_assets.resources.compute import Compute

Name = Literal["local", "production", "azure"]


class Deployment(BaseModel):
    """Everything that differs from one deployment to the next."""

    name: Name = "local"
    """What kind of deployment this is."""
    home: Home
    """All state on this machine."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """How Spark runs."""
    databricks: dict[str, Any] = Field(default_factory=dict)
    """Settings of `DatabricksSpark`; empty where steps run on this machine."""
    alerts: dict[str, Any] = Field(default_factory=dict)
    """Settings of the notifier."""
    digests: dict[str, Any] = Field(default_factory=dict)
    """Settings of the mailer of digests."""
    champion_days: int = Field(default=30, ge=1)
    """Age from which on people are told of a champion."""
    settled_seconds: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    """Time without a change after which a drop counts as complete."""
    serving: dict[str, str] = Field(default_factory=dict)
    """Variables of the scoring and lookup service; `serving.settings` reads them."""
    delivery: dict[str, Any] = Field(default_factory=dict)
    """Settings of `Delivery`."""
    prices: FilePath | None = None
    """Table of prices; the packaged one if None."""

    @property
    def automated(self) -> bool:
        """Whether schedules and sensors start switched on."""
        return self.name != "local"

    @naming_variables()
    def compute(self) -> "Compute":
        """Where steps run; imported on demand, because most commands run none.

        Raises:
            DeploymentError: a variable of the environment holds what it cannot.
        """
        if self.databricks:
            from recsys_assets.resources.databricks import DatabricksSpark

            return DatabricksSpark(**self.databricks)
        settings: dict[str, Any] = {
            "home": str(self.home.root),
            "account": self.home.account,
            "mlflow": mlflow_setting(self.home),
            "master": self.spark.master,
            "driver_memory": self.spark.driver_memory,
            "conf": self.spark.conf,
        }
        if not self.spark.master.startswith("local"):
            from recsys_assets.resources.spark_submit import SparkSubmit

            return SparkSubmit(**settings)
        from recsys_assets.resources.compute import LocalSpark

        return LocalSpark(**settings)
