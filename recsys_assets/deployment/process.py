"""What a deployment asks of the process that runs it."""

import os
from pathlib import Path

from recsys_assets.deployment.description import Deployment
from recsys_assets.deployment.errors import DeploymentError


def enter(deployment: Deployment) -> Deployment:
    """Prepare the home and point this process's Dagster at it.

    Raises:
        DeploymentError: the home cannot be written.
    """
    try:
        deployment.home.prepare()
    except OSError as error:
        raise DeploymentError(f"RECSYS_HOME: {deployment.home.root} is no home: {error}") from error
    # The images bring a Dagster home of their own, on PostgreSQL: web server, daemon and code
    # location share it, and a command beside them has to see what they see.
    if not (deployment.automated and os.environ.get("DAGSTER_HOME")):
        os.environ["DAGSTER_HOME"] = str(deployment.home.dagster)
    os.environ["RECSYS_HOME"] = str(deployment.home.root)
    spare_cores()
    return deployment


def shares_dagster(deployment: Deployment) -> bool:
    """Whether this process's Dagster is that of a daemon and others; known after `enter`."""
    return Path(os.environ["DAGSTER_HOME"]) != deployment.home.dagster


def spare_cores() -> None:
    """Let OpenMP's threads sleep while they wait; called before a library that uses it is loaded.

    Threads that wait busily slow LightGBM down tenfold as soon as anything else wants a core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
