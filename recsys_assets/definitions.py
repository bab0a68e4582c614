"""The platform as Dagster sees it: what there is, what runs when, who is told.

landing -> validated -> features -> models -> evaluation -> recommendations
"""

import dagster as dg

from recsys_assets.assets import ASSETS
from recsys_assets.automation.console import build_run_logger
from recsys_assets.automation.jobs import JOBS
from recsys_assets.automation.schedules import build_schedules
from recsys_assets.automation.sensors import build_alert_sensors
from recsys_assets.checks import CHECKS
from recsys_assets.deployment import current_deployment
from recsys_assets.resources.alerts import Notifier
from recsys_assets.resources.storage import Storage

deployment = current_deployment()
_home = str(deployment.home.root)
_sensors_start, _schedules_start = (
    (dg.DefaultSensorStatus.RUNNING, dg.DefaultScheduleStatus.RUNNING)
    if deployment.automated
    else (dg.DefaultSensorStatus.STOPPED, dg.DefaultScheduleStatus.STOPPED)
)

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=JOBS,
    schedules=build_schedules(_schedules_start),
    sensors=build_alert_sensors(_sensors_start),
    resources={
        "compute": deployment.compute(),
        "storage": Storage(home=_home),
        "notifier": Notifier(**deployment.alerts),
    },
    loggers={"console": build_run_logger({check.node_def.name for check in CHECKS})},
    # One process per run: a Spark session takes seconds to open and is shared by all its steps.
    executor=dg.in_process_executor,
)
