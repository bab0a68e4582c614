"""Whether the daemon reaches the code location: a process can live and have nothing to work from.

Where the code server has died, or did not load the definitions when it started, sensors tick no
more, and no tick fails. That they load in another process says nothing about it.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus

from recsys_assets.automation.causes import NO_CODE_SERVER, is_unreachable
from recsys_assets.automation.health import SILENT_SECONDS, Findings
from recsys_assets.automation.ticks import ENDED, interval_of
from recsys_assets.resources.alerts import Alert, Severity

SUBJECT = "location:daemon"


def look_at_reach(instance: dg.DagsterInstance, now: datetime) -> Findings:
    """Whether the last tick of all sensors that are switched on is young and reached their code.

    Args:
        instance: where ticks are kept; its daemon lives.
        now: the time.
    """
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    running = [state for state in states if state.status is not InstigatorStatus.STOPPED]
    ticks = [
        tick
        for state in running
        for tick in instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1, statuses=ENDED
        )
    ]
    if not ticks:
        return Findings()
    tick = max(ticks, key=lambda tick: tick.timestamp)
    last = datetime.fromtimestamp(tick.timestamp, UTC)
    # The one that ticks most often may be late by two of its ticks.
    patience = SILENT_SECONDS + 2 * min(map(interval_of, running))
    silent = (now - last).total_seconds()
    if silent < -patience:
        return Findings(alerts=[_ahead(now, last)])
    if silent <= patience and not is_unreachable(tick.error):
        return Findings(works={SUBJECT: last})
    alert = Alert(
        title="Dagster does not reach the code location",
        what="The daemon lives and has no definitions to work from: no schedule, no sensor and no"
        " run starts until it has. Tables stay as they are.",
        severity=Severity.ERROR,
        since=last,
        cause=f"{NO_CODE_SERVER} No sensor has ticked well since {last:%Y-%m-%d %H:%M} UTC.",
        event_key=f"{SUBJECT}:{last.isoformat()}",
        kind="location-broken",
        subjects=(SUBJECT,),
    )
    return Findings(alerts=[alert])


def _ahead(now: datetime, last: datetime) -> Alert:
    """Ticks of a time to come: Dagster counts the seconds since the last one, and lets none begin.

    Its daemon says no more that it is alive either, and counts as healthy.
    """
    return Alert(
        title="Dagster waits for the clock",
        what="Until the clock shows a time at which Dagster has worked already, no sensor ticks and"
        " no schedule starts: nothing is ingested, published or told by them. Tables stay as they"
        " are.",
        severity=Severity.ERROR,
        since=now,
        cause=f"The clock was set back: it is {now:%Y-%m-%d %H:%M} UTC, and a sensor has ticked at"
        f" {last:%Y-%m-%d %H:%M} UTC. If the clock is right now, they go on by themselves then.",
        event_key=f"{SUBJECT}:ahead:{last.isoformat()}",
        subjects=(SUBJECT,),
    )
