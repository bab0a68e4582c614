"""Errors in plain words, and the section of the runbook that deals with them."""

import re

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

_WRAPPERS = (
    "Dagster",
    "RetryRequested",
    "SensorExecutionError",
    "RunStatusSensorExecutionError",
    "ScheduleExecutionError",
)
_INTERRUPTIONS = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_OVERTIME = ("Exceeded maximum runtime", "This job is being forcibly marked as failed")
"""How Dagster begins to say that a run took too long; the second where it cannot reach its process,
as it cannot reach that of `recsys run`."""
_UNREACHABLE = "DagsterUserCodeUnreachableError"
NO_CODE_SERVER = "The code server cannot be reached: it died, restarts, or loads no definitions."
_OURS = re.compile(r"^recsys_assets[\w.]*: ")
"""Name of an error of our own; its message says all that a person needs."""

_KINDS = (
    ("disk-full", ("no space left on device", "disk quota exceeded", "database or disk is full")),
    (
        "database-locked",
        ("database is locked", "database table is locked", "is open in another process"),
    ),
    (
        "worker-died",
        (
            "died or never started",
            "the jvm of spark died",
            "py4jnetworkerror",
            "answer from java side is empty",
            "java gateway process exited",
            "sparkcontext was shut down",
        ),
    ),
    (
        "store-refuses",
        (
            " 503",
            "service unavailable",
            "serverbusy",
            "timed out",
            "connection refused",
            "error sending request",
            "connection closed",
            "connection unexpectedly closed",
            "server closed the connection",
            "terminating connection",
            "the database system is",
        ),
    ),
    (
        "table-damaged",
        (
            "table damaged",
            "panicexception",
            "is not a parquet file",
            "could not read footer",
            "invalid table location",
            "delta log",
            "deltaerror",
            "invalid json in log",
        ),
    ),
    ("drop-rejected", ("every file of the",)),
    ("interrupted", ("the run was interrupted",)),
)
"""Section of the runbook → words in the error, the most telling first.

An error of Java's that Spark hands on is no sign that the JVM died: it may say anything.
"""

_CHECK_KINDS = (
    ("drift", ("hold_still",)),
    ("file-rejected", ("no_rejected_files",)),
    ("quarantine", ("few_quarantined_lines",)),
    ("lines-lost", ("every_line_accounted_for",)),
)


def kind_of_error(cause: str) -> str:
    """Section of the runbook about an error; ``run-failed`` where none is more fitting."""
    text = cause.lower()
    for kind, words in _KINDS:
        if any(word in text for word in words):
            return kind
    return "run-failed"


def kind_of_check(name: str, description: str = "") -> str:
    """Section of the runbook about a failed check; ``check-failed`` where none is more fitting.

    Args:
        name: of the check.
        description: what it said; a damaged table matters more than what was to be checked.
    """
    if description.startswith("table damaged"):
        return "table-damaged"
    for kind, words in _CHECK_KINDS:
        if any(word in name for word in words):
            return kind
    return "check-failed"


def plain_error(error: SerializableErrorInfo) -> str:
    """Give class and message of the user's exception, without what Dagster wrapped around it."""
    if is_unreachable(error):
        return NO_CODE_SERVER
    while error.cause is not None and (error.cls_name or "").startswith(_WRAPPERS):
        error = error.cause
    if error.cls_name in _INTERRUPTIONS:
        return "The run was interrupted: its process was told to stop, for example by a deployment."
    return _OURS.sub("", error.message.strip())


def is_unreachable(error: SerializableErrorInfo | None) -> bool:
    """Whether Dagster did not get as far as the code that it wanted to run."""
    return error is not None and error.cls_name == _UNREACHABLE


def is_failed_check(event: dg.EventLogEntry) -> bool:
    """Whether a step failed for no other reason than that a check that blocks did not pass."""
    error: SerializableErrorInfo | None = event.get_dagster_event().step_failure_data.error
    while error is not None:
        if error.cls_name == _CHECK_FAILED:
            return True
        error = error.cause
    return False


def is_interrupted(event: dg.EventLogEntry) -> bool:
    """Whether a step ended because the process of its run was told to stop."""
    return kind_of_error(step_error(event)) == "interrupted"


def step_error(event: dg.EventLogEntry) -> str:
    """Why a step failed."""
    failure = event.get_dagster_event().step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return f"Failure: {failure.user_failure_data.description}"
    return plain_error(failure.error) if failure.error else "The step gave no reason."


def is_overtime(event: dg.EventLogEntry) -> bool:
    """Whether a run failed because Dagster ended it at its longest time."""
    return (event.get_dagster_event().message or "").startswith(_OVERTIME)


def run_error(event: dg.EventLogEntry) -> str:
    """Why a run failed of which no step reported an error."""
    failure = event.get_dagster_event()
    if failure.event_specific_data is not None and failure.job_failure_data.error is not None:
        return plain_error(failure.job_failure_data.error)
    if is_overtime(event):
        return f"The run took longer than it may, so it was ended. Dagster says: {failure.message}"
    return (
        "No step failure was recorded: the process of the run died or never started (out of memory,"
        f" killed, or its machine lost). Dagster says: {failure.message}"
    )
