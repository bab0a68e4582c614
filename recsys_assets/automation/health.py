"""Is the machinery itself alive: daemons, the code location; for sensors and schedules see `ticks`.

What watches the runs can fail too. Sensors report each other's failed ticks; what no sensor can
report — a dead daemon, a code location that does not load — `recsys health` finds from outside.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from recsys_assets.automation.causes import plain_error
from recsys_assets.resources.alerts import Alert, Notifier, Severity

SILENT_SECONDS = 600.0
"""A daemon that says nothing for longer is dead: each speaks every half minute, and a round of all
sensors takes minutes at most. Dagster itself would wait for half an hour."""
SPREAD_SECONDS = 60.0
"""Within so many seconds threads of one process say for the last time that they are alive."""
LOAD_SECONDS = 180.0
"""How long the definitions may take to load."""

_LOAD = "from recsys_assets.definitions import defs; defs.get_repository_def()"


@dataclass
class Findings:
    """What is wrong, and what was found to work."""

    alerts: list[Alert] = field(default_factory=list)
    works: dict[str, datetime] = field(default_factory=dict)
    """Subject → when it worked."""
    rests: dict[str, datetime] = field(default_factory=dict)
    """Subject → when it was found switched off or removed, which ends a trouble as well."""

    def add(self, other: "Findings") -> None:
        """Take in what another look found."""
        self.alerts += other.alerts
        self.works |= other.works
        self.rests |= other.rests

    def report(self, notifier: Notifier) -> None:
        """Tell what is wrong and what recovered; all of it is tried.

        Raises:
            AlertDeliveryError: the first delivery that failed; it waits in the ledger.
        """
        known = (
            alert.model_copy(update={"links": alert.links or notifier.links(alert.kind)})
            for alert in self.alerts
        )
        told = (partial(notifier.send, alert) for alert in known)
        errors = []
        for tell in (*told, partial(notifier.mend, self.works | self.rests)):
            try:
                tell()
            except Exception as error:  # noqa: BLE001  one that cannot be told must not silence the next
                errors.append(error)
        if errors:
            raise errors[0]


def look_at_daemons(instance: dg.DagsterInstance, now: datetime) -> Findings:
    """Daemons that do not say that they are alive."""
    found, statuses = Findings(), instance.get_daemon_statuses()
    silences = {
        name: now.timestamp() - status.last_heartbeat.timestamp
        for name, status in statuses.items()
        if status.last_heartbeat and status.required
    }
    # Where one is dead, those that fell silent with it are too: told a minute later, they would be
    # a trouble of their own.
    is_any_dead = max(silences.values(), default=0.0) >= SILENT_SECONDS
    longest = SILENT_SECONDS - (SPREAD_SECONDS if is_any_dead else 0.0)
    for name, status in statuses.items():
        subject, beat = f"daemon:{name}", status.last_heartbeat
        silent = silences.get(name, longest)
        if not status.required or (status.healthy and silent < longest):
            found.works[subject] = now
            continue
        last = datetime.fromtimestamp(beat.timestamp, UTC) if beat else None
        since = f"it last did at {last:%Y-%m-%d %H:%M} UTC" if last else "it never did"
        errors = [plain_error(error) for error in (beat.errors or [])] if beat else []
        found.alerts.append(
            Alert(
                title=f"the {name.lower()} daemon is dead",
                what="Schedules and sensors stand still: nothing is ingested, published or told by"
                " them until the daemon runs again. Tables stay as they are.",
                severity=Severity.ERROR,
                since=last or now,
                cause=errors[0] if errors else f"the daemon does not say that it is alive; {since}",
                event_key=f"{subject}:{last.isoformat() if last else 'never'}",
                kind="daemon-dead",
                subjects=(subject,),
            )
        )
    if len(found.alerts) > 1:
        found.alerts = [_together(found.alerts)]
    return found


def _together(dead: list[Alert]) -> Alert:
    """One alert about all daemons that are dead: as a rule they are threads of one process."""
    first = min(dead, key=lambda alert: alert.since)
    subjects = tuple(subject for alert in dead for subject in alert.subjects)
    return first.model_copy(
        update={
            "title": "Dagster's daemon is dead",
            "facts": {"silent": ", ".join(s.removeprefix("daemon:").lower() for s in subjects)},
            "event_key": f"daemons:{first.event_key}",
            "subjects": subjects,
        }
    )


def look_at_location(now: datetime) -> Findings:
    """Whether the definitions load, in a process of their own."""
    subject, words = "location:recsys_assets", [sys.executable, "-c", _LOAD]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=LOAD_SECONDS
        )
        said = done.stderr.strip().splitlines()
        cause = "" if done.returncode == 0 else (said[-1] if said else f"exit {done.returncode}")
    except subprocess.TimeoutExpired:
        cause = f"it did not load within {LOAD_SECONDS:.0f} s"
    if not cause:
        return Findings(works={subject: now})
    alert = Alert(
        title="the code location does not load",
        what="Dagster cannot load the definitions: no schedule, no sensor and no run starts until"
        " it can. Tables stay as they are.",
        severity=Severity.ERROR,
        since=now,
        cause=cause,
        # One event an hour: a look every minute is not sixty troubles.
        event_key=f"{subject}:{now:%Y-%m-%dT%H}",
        kind="location-broken",
        subjects=(subject,),
    )
    return Findings(alerts=[alert])
