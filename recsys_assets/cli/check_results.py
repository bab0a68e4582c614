"""The latest result of each asset check, read from Dagster's record of executions."""

import dagster as dg
import sqlalchemy as sa
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value

_RECENT = 100
"""Of each asset: a check that a release has removed is shown until others have run a dozen times,
and one of a table that nothing has been landed for is shown however long ago it ran."""


def latest_checks(instance: dg.DagsterInstance) -> dict[str, dict[str, str]]:
    """Table → check → passed, warned or failed, by its latest evaluation.

    A check that names no table is one of the table that its asset is called like.

    The record is read rather than the definitions, whose import takes seconds, or the log, which
    would have to be read to its beginning.
    """
    checks: dict[str, dict[str, str]] = {}
    for result in _evaluations(instance):
        named = result.metadata.get("table")
        table = str(named.value) if named else result.asset_key.to_user_string()
        checks.setdefault(table, {})[result.check_name] = _state(result)
    return {table: dict(sorted(checks[table].items())) for table in checks}


def _evaluations(instance: dg.DagsterInstance) -> list[dg.AssetCheckEvaluation]:
    """The latest evaluation of each check."""
    storage, kept = instance.event_log_storage, AssetCheckExecutionsTable.c
    assert isinstance(storage, SqlEventLogStorage)
    newest_first = sa.func.row_number().over(partition_by=kept.asset_key, order_by=kept.id.desc())
    ended = kept.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value
    names = (kept.id, kept.asset_key, kept.check_name, newest_first.label("place"))
    recent = sa.select(*names).where(ended).subquery()
    latest = sa.select(sa.func.max(recent.c.id)).where(recent.c.place <= _RECENT)
    latest = latest.group_by(recent.c.asset_key, recent.c.check_name)
    with storage.index_connection() as connection:
        found = connection.execute(sa.select(kept.evaluation_event).where(kept.id.in_(latest)))
        events = [deserialize_value(text, EventLogEntry).dagster_event for (text,) in found]
    return [event.asset_check_evaluation_data for event in events if event]


def _state(result: dg.AssetCheckEvaluation) -> str:
    if result.passed:
        return "passed"
    return "warned" if result.severity == dg.AssetCheckSeverity.WARN else "failed"


def in_words(checks: dict[str, str]) -> str:
    """How many checks passed, and the names of those that did not."""
    bad = [f"{name} {state}" for name, state in sorted(checks.items()) if state != "passed"]
    good = len(checks) - len(bad)
    return ", ".join(([f"{good} passed"] if good else []) + bad)
