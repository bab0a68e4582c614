"""Each error leads to the section of the runbook that deals with it."""

import traceback

import pytest
from dagster._core.errors import (
    DagsterUserCodeExecutionError,
    RunStatusSensorExecutionError,
    ScheduleExecutionError,
    SensorExecutionError,
    user_code_error_boundary,
)
from dagster_shared.error import SerializableErrorInfo

from recsys_assets.automation.causes import kind_of_error, plain_error

OF_SPARK = "py4j.protocol.Py4JJavaError: An error occurred while calling o55.collectToPython.\n: "


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (
            "requests.exceptions.ConnectionError: HTTPConnectionPool(host='mlflow', port=5000):"
            " Max retries exceeded: [Errno 111] Connection refused",
            "store-refuses",
        ),
        (
            "MailingError: 0 digests sent, then the mail server failed: ChannelError: no connection"
            " to mail:587 (starttls): ConnectionRefusedError: [Errno 111] Connection refused.",
            "store-refuses",
        ),
        (
            "MailingError: 7 digests sent, then the mail server failed: SMTPServerDisconnected:"
            " Connection unexpectedly closed. The rest waits: run the asset digests again.",
            "store-refuses",
        ),
        (
            "psycopg.errors.AdminShutdown: terminating connection due to administrator command",
            "store-refuses",
        ),
        (OF_SPARK + "java.lang.IllegalArgumentException: rank must be positive", "run-failed"),
        (OF_SPARK + "java.io.IOException: No space left on device", "disk-full"),
        (OF_SPARK + "java.io.IOException: Operation failed: Service Unavailable", "store-refuses"),
        (
            "table damaged: a file of it cannot be read: An error occurred while calling o55.count."
            "\n: java.lang.RuntimeException: part-0.parquet is not a Parquet file"
            "\n at py4j.reflection.MethodInvoker.invoke(MethodInvoker.java:244)",
            "table-damaged",
        ),
        ("py4j.protocol.Py4JNetworkError: Answer from Java side is empty", "worker-died"),
        ("the JVM of Spark died", "worker-died"),
    ],
)
def test_the_section_fits_the_error(cause: str, kind: str) -> None:
    assert kind_of_error(cause) == kind


@pytest.mark.parametrize(
    "kind", [SensorExecutionError, RunStatusSensorExecutionError, ScheduleExecutionError]
)
def test_a_tick_that_failed_is_told_by_what_it_failed_of(
    kind: type[DagsterUserCodeExecutionError],
) -> None:
    with pytest.raises(kind) as caught, user_code_error_boundary(kind, lambda: "it failed"):
        raise OSError("no such mail server")
    error = SerializableErrorInfo.from_traceback(
        traceback.TracebackException.from_exception(caught.value)
    )
    assert plain_error(error) == "OSError: no such mail server"
