"""Faults that mend themselves: a run they end is run again by Dagster, after a while.

A crash of the process is retried by run retries anyway. An error in a step is not, since most
errors come again; those here may not, so they tag their run. A failed check is never retried.
"""

import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
RETRY_NUMBER_TAG = "dagster/retry_number"
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 600.0

_TRANSIENT = (
    "database is locked",
    "database table is locked",
    "is open in another process",  # the warehouse's file, by an analyst or a command
    "the jvm of spark died",
    "answer from java side is empty",
    "error while obtaining a new communication channel",
    "connection refused",
    "connection reset",
    "connection aborted",
    "connection closed",
    "connection unexpectedly closed",
    "server closed the connection",
    "terminating connection",
    "the database system is",
    "error sending request",
    "timed out",
    "service unavailable",
    "serverbusy",
    "too many requests",
    "commit failed",
)
_SHUTTING_DOWN = 421
"""What a mail server answers that goes, or has too much to do."""
_waited: set[str] = set()


def is_transient(error: BaseException) -> bool:
    """Whether an error, or what caused it, may be gone when the run is repeated."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionError | TimeoutError):
            return True
        if isinstance(seen, smtplib.SMTPResponseException) and seen.smtp_code == _SHUTTING_DOWN:
            return True
        if "py4j" in type(seen).__module__ and "Network" in type(seen).__name__:
            return True
        text = f"{type(seen).__name__}: {seen}".lower()
        if any(words in text for words in _TRANSIENT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def ask_for_retry(context: dg.AssetExecutionContext) -> None:
    """Let Dagster retry this run when it has failed."""
    context.instance.add_run_tags(context.run_id, {RETRY_TAG: "true"})


def wait_before_retry(context: dg.AssetExecutionContext) -> None:
    """In the first step of an automatic retry, wait: longer for each retry."""
    if context.run_id in _waited:
        return
    _waited.add(context.run_id)
    if RETRY_TAG in context.run.tags:
        # Inherited from the run that it repeats, which is no word about the errors of this one.
        context.instance.add_run_tags(context.run_id, {RETRY_TAG: "false"})
    retry = int(context.run.tags.get(RETRY_NUMBER_TAG, "0"))
    if not retry:
        return
    seconds = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (retry - 1))
    context.log.info(f"retry {retry}: waits {seconds:.0f} s for the fault to pass")
    time.sleep(seconds)


@contextmanager
def retried(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Within it a fault that may pass has Dagster retry the run; a retry waits first."""
    wait_before_retry(context)
    try:
        yield
    except Exception as error:
        if is_transient(error):
            ask_for_retry(context)
        raise
