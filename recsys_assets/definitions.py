"""The platform as Dagster sees it: what there is, what runs when, who is told.

landing -> validated -> features -> models -> evaluation -> recommendations -> delivery
"""

from typing import Any

import dagster as dg

from recsys_assets.loading import loading_modules

with loading_modules():
    from recsys_assets.assets import ASSETS
    from recsys_assets.automation.asked_runs import build_asked_sensor
    from recsys_assets.automation.catalogue import build_catalogue
    from recsys_assets.automation.console import build_run_logger
    from recsys_assets.automation.freshness import with_freshness
    from recsys_assets.automation.jobs import JOBS
    from recsys_assets.automation.monitors import build_monitors
    from recsys_assets.automation.schedules import build_landing_sensor, build_schedules
    from recsys_assets.automation.sensors import build_alert_sensors
    from recsys_assets.checks import CHECKS
    from recsys_assets.deployment import Deployment, current_deployment, naming_variables
    from recsys_assets.deployment.azure import mlflow_setting
    from recsys_assets.resources.alerts import Notifier
    from recsys_assets.resources.delivery import Delivery
    from recsys_assets.resources.digests import Digests
    from recsys_assets.resources.storage import Storage


def build_definitions(deployment: Deployment) -> dg.Definitions:
    """The platform as one deployment runs it."""
    schedules, sensors = (
        (dg.DefaultScheduleStatus.RUNNING, dg.DefaultSensorStatus.RUNNING)
        if deployment.automated
        else (dg.DefaultScheduleStatus.STOPPED, dg.DefaultSensorStatus.STOPPED)
    )
    assets, fresh = with_freshness(ASSETS)
    catalogue = build_catalogue(assets, CHECKS)
    return dg.Definitions(
        assets=assets,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=build_schedules(schedules),
        sensors=[
            build_landing_sensor(sensors, deployment.settled_seconds),
            build_asked_sensor(sensors),
            *build_alert_sensors(sensors, catalogue),
            *build_monitors(sensors, catalogue, fresh, deployment.champion_days),
        ],
        resources=build_resources(deployment),
        loggers={"console": build_run_logger({check.node_def.name for check in CHECKS})},
        # One process per run: a Spark session takes seconds to open and all its steps share it.
        executor=dg.in_process_executor,
    )


def build_resources(deployment: Deployment) -> dict[str, dg.ConfigurableResource[Any]]:
    """What assets, checks and sensors work with.

    Raises:
        DeploymentError: a variable of the environment holds what it cannot.
    """
    home = deployment.home
    with naming_variables():
        return {
            "compute": deployment.compute(),
            "storage": Storage(
                home=str(home.root), account=home.account, mlflow=mlflow_setting(home)
            ),
            "delivery": Delivery(**deployment.delivery),
            "notifier": Notifier(**deployment.alerts),
            "mailer": Digests(**deployment.digests),
        }


defs = build_definitions(current_deployment())
