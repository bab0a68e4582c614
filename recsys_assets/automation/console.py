"""A run as people want to read it: one line when an asset begins, ends, fails, or fails a check."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from typing import TextIO

import dagster as dg
from dagster import DagsterEventType as Kind

from recsys_assets.resources.alerts.message import without_controls

_terminal: list[TextIO] = []
"""Where lines go instead of to standard error; see `at_terminal`."""
_SHOWN = {Kind.STEP_START, Kind.STEP_SUCCESS, Kind.STEP_FAILURE, Kind.STEP_SKIPPED}


class RunFormatter(logging.Formatter):
    """Turns Dagster's events into lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event, or of a message; names of files in it may hold anything."""
        event = _event(record)
        return without_controls(f"    {_text(record)}" if event is None else self._line(event))

    @staticmethod
    def _line(event: dg.DagsterEvent) -> str:
        step = event.step_key or ""
        if event.event_type == Kind.STEP_START:
            return f"… {step}"
        if event.event_type == Kind.STEP_SUCCESS:
            seconds = event.step_success_data.duration_ms / 1000
            return f"✓ {step} ({seconds:.1f} s)"
        if event.event_type == Kind.STEP_SKIPPED:
            return f"- {step} skipped: what it needs is not there"
        if event.event_type == Kind.STEP_FAILURE:
            return f"✗ {step} failed: {_first_cause(event)}"
        check = event.asset_check_evaluation_data
        return (
            f"! check {check.check_name} of {check.asset_key.to_user_string()} failed"
            f" ({check.severity.value}){': ' + check.description if check.description else ''}"
        )


class RunFilter(logging.Filter):
    """Lets through what a person needs to follow a run; checks are named where they fail."""

    def __init__(self, checks: set[str]) -> None:
        super().__init__()
        self.checks = checks

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        event = _event(record)
        if event is None:
            return record.levelno >= logging.WARNING
        if event.event_type == Kind.ASSET_CHECK_EVALUATION:
            return not event.asset_check_evaluation_data.passed
        if event.step_key in self.checks and event.event_type != Kind.STEP_FAILURE:
            return False
        return event.event_type in _SHOWN


def _event(record: logging.LogRecord) -> dg.DagsterEvent | None:
    return getattr(record, "dagster_event", None)


def _text(record: logging.LogRecord) -> str:
    meta = getattr(record, "dagster_meta", {})
    return str(meta.get("orig_message", record.getMessage()))


def _first_cause(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.message if error else "").strip()


def quiet_dagster() -> None:
    """Leave out what Dagster remarks about checks of assets that had nothing to do.

    It warns that a blocking check gave no result where the check was skipped along with its asset,
    in words about steps that are then skipped themselves. A check that ran and gave none is an
    error of its own.
    """
    logging.getLogger("dagster._core.execution.plan.active").addFilter(
        lambda record: "emitted no result in step" not in record.getMessage()
    )


@contextmanager
def at_terminal() -> Iterator[None]:
    """Within it lines of runs go to what standard error is now.

    Dagster catches standard error of a run in a file, shows that by another process, and ends this
    with the run: on a busy machine before it has shown the last lines, which say what failed.
    """
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except UnsupportedOperation:  # no file, so Dagster does not catch it either
        yield
        return
    with os.fdopen(
        descriptor, "w", encoding=sys.stderr.encoding, errors="backslashreplace"
    ) as terminal:
        _terminal.append(terminal)
        try:
            yield
        finally:
            _terminal.remove(terminal)


def line_handler(checks: set[str]) -> logging.Handler:
    """Writes the lines of a run to standard error; ``checks`` are the steps that are checks."""
    handler = logging.StreamHandler(_terminal[-1] if _terminal else None)
    handler.setFormatter(RunFormatter())
    handler.addFilter(RunFilter(checks))
    return handler


def record_of(entry: dg.EventLogEntry) -> logging.LogRecord:
    """An event out of Dagster's records, as its run logged it."""
    fields = {"levelno": entry.level, "msg": entry.user_message}
    return logging.makeLogRecord(fields | {"dagster_event": entry.dagster_event})


def build_run_logger(checks: set[str]) -> dg.LoggerDefinition:
    """The logger of ``recsys run``.

    Args:
        checks: names of steps that are asset checks.
    """

    @dg.logger({}, description="One line an event, for people at a terminal.")
    def run_logger(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLogger("recsys.run")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.handlers[:] = [line_handler(checks)]
        return logger

    return run_logger
