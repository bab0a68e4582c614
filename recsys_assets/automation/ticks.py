"""Sensors and schedules by their last ticks: whether one fails, rests, or is there no more."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    SensorInstigatorData,
    TickStatus,
)

from recsys_assets.automation.causes import is_unreachable, plain_error
from recsys_assets.automation.health import SILENT_SECONDS, Findings
from recsys_assets.resources.alerts import Alert, Severity

ENDED = [TickStatus.FAILURE, TickStatus.SUCCESS, TickStatus.SKIPPED]
"""A tick that has begun and not ended says nothing yet."""
_USUAL_SECONDS = 30.0
"""How often Dagster lets a sensor tick that does not say."""
_RAREST_SECONDS = timedelta(days=8).total_seconds()
"""A schedule ticks once a week at least."""


def look_at_ticks(instance: dg.DagsterInstance, besides: str = "") -> Findings:
    """Sensors and schedules whose last tick failed, but for those switched off or removed.

    Args:
        instance: where ticks are kept.
        besides: name of the sensor that looks; its own tick has not ended yet.
    """
    found = Findings()
    states = instance.all_instigator_state()
    for state in states:
        subject = f"tick:{state.instigator_name}"
        tick = _last_tick(instance, state)
        # What is gone, or was switched off by somebody, has no next tick that could be green.
        if state.status is InstigatorStatus.STOPPED or (
            tick and _is_removed(instance, state, tick, states)
        ):
            found.rests[subject] = datetime.now(UTC)
            continue
        if tick is None or state.instigator_name == besides:
            continue
        # Says nothing of this sensor, whose next tick may be hours away: `reach` tells of all.
        if state.instigator_type is InstigatorType.SENSOR and is_unreachable(tick.error):
            continue
        if tick.status is TickStatus.FAILURE:
            found.alerts.append(_failed_tick(subject, state.instigator_name, tick))
        else:
            found.works[subject] = datetime.fromtimestamp(tick.timestamp, UTC)
    return found


def _last_tick(
    instance: dg.DagsterInstance,
    state: InstigatorState,
    before: float | None = None,
    after: float | None = None,
) -> InstigatorTick | None:
    origin, selector = state.instigator_origin_id, state.selector_id
    ticks = instance.get_ticks(origin, selector, before, after, limit=1, statuses=ENDED)
    return ticks[0] if ticks else None


def _is_removed(
    instance: dg.DagsterInstance,
    state: InstigatorState,
    last: InstigatorTick,
    others: Iterable[InstigatorState],
) -> bool:
    """Whether a release has removed it: Dagster keeps what it knew, a failed tick as the last.

    Others have ticked when it should have, and go on; after a standstill it may be the last to
    tick again.
    """
    pause = _RAREST_SECONDS
    if state.instigator_type is InstigatorType.SENSOR:
        pause = SILENT_SECONDS + 2 * interval_of(state)
    end = datetime.now(UTC).timestamp() - pause
    return last.timestamp + pause < end and any(
        _last_tick(instance, other, before=end, after=last.timestamp + pause) for other in others
    )


def interval_of(state: InstigatorState) -> float:
    """Seconds from one tick of a sensor to the next."""
    data = state.instigator_data
    known = data.min_interval if isinstance(data, SensorInstigatorData) else None
    return known or _USUAL_SECONDS


def _failed_tick(subject: str, name: str, tick: InstigatorTick) -> Alert:
    cause = plain_error(tick.error) if tick.error else "the tick gave no reason"
    return Alert(
        title=f"{name} fails",
        what=f"The last tick of the sensor or schedule {name} failed: what it should start or tell"
        " waits until it works again.",
        severity=Severity.ERROR,
        since=datetime.fromtimestamp(tick.timestamp, UTC),
        cause=cause,
        event_key=f"{subject}:{tick.tick_id}",
        kind="sensor-failing",
        subjects=(subject,),
    )
