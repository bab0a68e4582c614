"""What a deployment asks of the process that runs it."""

import os

from recsys_assets.deployment.description import Deployment


def enter(deployment: Deployment) -> Deployment:
    """Prepare the home and point this process's Dagster at it."""
    deployment.home.prepare()
    os.environ["DAGSTER_HOME"] = str(deployment.home.dagster)
    os.environ["RECSYS_HOME"] = str(deployment.home.root)
    spare_cores()
    return deployment


def spare_cores() -> None:
    """Let OpenMP's threads sleep while they wait; called before a library that uses it is loaded.

    Threads that wait busily slow LightGBM down tenfold as soon as anything else wants a core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
