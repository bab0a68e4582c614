"""The latest result of each asset check, read from Dagster's event log."""

import dagster as dg

_RECENT_EVENTS = 5000


def latest_checks(instance: dg.DagsterInstance) -> dict[str, dict[str, str]]:
    """Table → check → passed, warned or failed, by its latest evaluation.

    A check that names no table is one of the table that its asset is called like.

    The log is read rather than the definitions, whose import takes seconds.
    """
    events = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), limit=_RECENT_EVENTS
    )
    checks: dict[str, dict[str, str]] = {}
    for event in events:  # the newest first
        logged = event.event_log_entry.dagster_event
        assert logged is not None
        result = logged.asset_check_evaluation_data
        named = result.metadata.get("table")
        table = str(named.value) if named else result.asset_key.to_user_string()
        checks.setdefault(table, {}).setdefault(result.check_name, _state(result))
    return {table: dict(sorted(checks[table].items())) for table in checks}


def _state(result: dg.AssetCheckEvaluation) -> str:
    if result.passed:
        return "passed"
    return "warned" if result.severity == dg.AssetCheckSeverity.WARN else "failed"


def in_words(checks: dict[str, str]) -> str:
    """How many checks passed, and the names of those that did not."""
    bad = [f"{name} {state}" for name, state in sorted(checks.items()) if state != "passed"]
    good = len(checks) - len(bad)
    return ", ".join(([f"{good} passed"] if good else []) + bad)
