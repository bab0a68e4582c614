"""Dagster's own records, looked at from outside; that they cannot be read is told as well.

On a full disk, or without its database, nothing inside of Dagster tells anybody anything.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from recsys_assets.automation.causes import kind_of_error
from recsys_assets.automation.health import Findings, look_at_daemons
from recsys_assets.automation.reach import look_at_reach
from recsys_assets.automation.ticks import look_at_ticks
from recsys_assets.resources.alerts import Alert, Severity
from recsys_assets.resources.alerts.connection import describe

NO_ROOM = 1 << 20
"""With fewer bytes left on its disk, a home has no room for the databases' own logs."""


def look_at_records(now: datetime, home: Path) -> Findings:
    """Whether daemons, sensors and schedules live and have code to run, as Dagster's records tell.

    Args:
        now: the time.
        home: folder of all state.
    """
    subject = "records:dagster"
    try:
        with dg.DagsterInstance.get() as instance:
            found = look_at_daemons(instance, now)
            if not found.alerts:  # a dead daemon reaches nothing
                found.add(look_at_reach(instance, now))
            found.add(look_at_ticks(instance))
    except Exception as error:  # noqa: BLE001  a look that fails must be told, whatever it failed of
        return Findings(alerts=[_unreadable(subject, error, now, home)])
    found.works[subject] = now
    return found


def _unreadable(subject: str, error: Exception, now: datetime, home: Path) -> Alert:
    cause = describe(error).splitlines()[0]
    kind = kind_of_error(cause)
    if shutil.disk_usage(home).free < NO_ROOM:
        cause, kind = f"{cause}; no space is left on the disk of {home}", "disk-full"
    return Alert(
        title="Dagster's records cannot be read",
        what="Nobody can tell whether daemons, sensors and schedules live, and most likely they do"
        " not work either. Tables stay as they are.",
        severity=Severity.ERROR,
        since=now,
        cause=cause,
        # One event an hour: a look every minute is not sixty troubles.
        event_key=f"{subject}:{now.astimezone(UTC):%Y-%m-%dT%H}",
        kind="other" if kind == "run-failed" else kind,
        subjects=(subject,),
    )
