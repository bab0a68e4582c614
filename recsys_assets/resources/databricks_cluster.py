"""What a step is run by on Databricks: its cluster, the libraries there, the project's wheel.

It is a classic job cluster because SynapseML does not work through Spark Connect, hence not on
serverless compute.
"""

import io

import dagster as dg
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, NotFound
from databricks.sdk.service import compute, jobs
from pydantic import Field, model_validator

from recsys_assets.resources.jars import PACKAGES
from recsys_assets.resources.wheel import build_wheel

PACKAGE = "recsys_assets"
ENTRY_POINT = "recsys-step"
"""Entry point of the wheel that runs a step; declared in setup.cfg."""
CLUSTER_PACKAGES = tuple(name for name in PACKAGES if not name.startswith("io.delta:"))
"""Maven coordinates a cluster lacks: Delta is part of Databricks."""


class ClusterSettings(dg.Config):
    """The cluster that is made for one step and gone after it."""

    spark_version: str = Field(
        default="15.4.x-scala2.12",
        description="Databricks runtime; with Spark 3.5, Scala 2.12 (SynapseML has no other build)"
        " and Python 3.11 as on one machine.",
    )
    node_type: str = Field(
        default="Standard_D4ds_v5", description="Azure machine of the driver and of each worker."
    )
    min_workers: int = Field(default=1, ge=1, description="Workers that are always there.")
    max_workers: int = Field(default=3, ge=1, description="Workers that autoscaling may add up to.")
    spark_conf: dict[str, str] = Field(
        default={
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
        },
        description="Spark settings; by default those that results depend on.",
    )
    environment: dict[str, str] = Field(
        default={}, description="Environment of the cluster's processes."
    )

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "ClusterSettings":
        if self.max_workers < self.min_workers:
            raise ValueError(f"max_workers {self.max_workers} < min_workers {self.min_workers}")
        return self

    def spec(self) -> compute.ClusterSpec:
        """The cluster as Databricks' API wants it."""
        return compute.ClusterSpec(
            spark_version=self.spark_version,
            node_type_id=self.node_type,
            autoscale=compute.AutoScale(self.max_workers, self.min_workers),
            # Volumes can be seen in this mode and in shared mode, which allows no Maven libraries
            # that were not listed beforehand.
            data_security_mode=compute.DataSecurityMode.SINGLE_USER,
            spark_conf=self.spark_conf,
            spark_env_vars=self.environment,
        )


def step_task(cluster: ClusterSettings, wheel: str) -> jobs.SubmitTask:
    """The wheel's step on a new cluster, with all that the cluster lacks."""
    maven = (
        compute.Library(maven=compute.MavenLibrary(coordinates=name)) for name in CLUSTER_PACKAGES
    )
    return jobs.SubmitTask(
        task_key="step",
        new_cluster=cluster.spec(),
        python_wheel_task=jobs.PythonWheelTask(PACKAGE, ENTRY_POINT),
        libraries=[compute.Library(whl=wheel), *maven],
    )


def uploaded_wheel(workspace: WorkspaceClient, volume: str) -> str:
    """Where the wheel of the package that runs here lies; it is uploaded if nobody has done so."""
    name, content = build_wheel()
    path = f"{volume}/wheels/{name}"
    try:
        try:
            workspace.files.get_metadata(path)
        except NotFound:
            workspace.files.create_directory(f"{volume}/wheels")
            workspace.files.upload(path, io.BytesIO(content), overwrite=True)
    except DatabricksError as error:
        raise dg.Failure(f"{path} could not be uploaded to Databricks: {error}") from error
    return path
