"""Commands that Azure or this machine refuses say so in one line, and what to look at."""

import errno
import os

import psycopg
import psycopg2
import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)

from recsys_assets.cli import app as commands
from recsys_assets.cli.remote_faults import remote_fault_of, server_fault_of


def _refused(
    status: int, said: str = "This request is not authorized to perform this operation."
) -> HttpResponseError:
    error = HttpResponseError(said)
    error.status_code = status
    return error


_OF_RUST = (
    "Generic MicrosoftAzure error\n \x1b[31m↳\x1b[0m Error performing list request\n"
    " \x1b[31m↳\x1b[0m Error performing GET https://a.blob.core.windows.net/lake in 12.0ms - "
    "Server returned non-2xx status code\n \x1b[31m↳\x1b[0m "
)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (_refused(403), "firewall"),
        (_refused(404), "containers"),
        (OSError(f"{_OF_RUST}403 Forbidden"), "firewall"),
        (
            OSError(
                f"{_OF_RUST}403 Forbidden\n<Message>Server failed to authenticate the request. Make"
                " sure the value of the Authorization header is formed correctly including …"
            ),
            "key or token",
        ),
        (_refused(401, "Server failed to authenticate the request. Please refer …"), "az login"),
        (_refused(403, "(KeyBasedAuthenticationNotPermitted) Key based …"), "identities alone"),
        (OSError("Generic MicrosoftAzure error\n ↳ Invalid Access Key"), "AZURE_STORAGE_"),
        (ValueError("unable to connect to account for Connection string is …"), "AZURE_STORAGE_"),
        (
            OSError(
                "Generic MicrosoftAzure error\n Error performing token request\n Error performing"
                " GET http://169.254.169.254/metadata/identity/oauth2/token?… in 10s"
            ),
            "AZURE_USE_AZURE_CLI=true",
        ),
        (OSError(f"{_OF_RUST}404 Not Found"), "containers"),
        (OSError(f"{_OF_RUST}503 Service Unavailable"), "try again"),
        (ServiceRequestError("Name or service not known"), "try again"),
        (
            ClientAuthenticationError("no credential\nin all of these:\n" + "line\n" * 99),
            "az login",
        ),
    ],
)
def test_what_azure_refuses_ends_a_command_in_words(
    error: Exception,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused() -> None:
        raise error

    monkeypatch.setattr(commands, "app", refused)
    with pytest.raises(SystemExit, match="1"):
        commands.run()
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith("error: Azure did not do as asked: ") and hint in told
    assert "\x1b" not in told and len(told) < 800


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_what_this_machine_refuses_ends_a_command_in_words(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise OSError(number, os.strerror(number), "ratings.csv")

    monkeypatch.setattr(commands, "app", refused)
    with pytest.raises(SystemExit, match="1"):
        commands.run()
    told = capsys.readouterr().err
    assert told.startswith("error: ") and f"{os.strerror(number)}: 'ratings.csv'" in told


@pytest.mark.parametrize(
    ("missed", "server"),
    [
        (psycopg2.OperationalError("connection refused"), "Dagster's database does not answer"),
        (psycopg.OperationalError("connection refused"), "The warehouse (RECSYS_WAREHOUSE_URL)"),
        (
            requests.ConnectionError("https://ann:planted@models.example.org"),
            "The registry of models (RECSYS_MLFLOW_URI) does not answer",
        ),
    ],
)
def test_a_server_that_does_not_answer_ends_a_command_in_words(
    missed: Exception,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused() -> None:
        raise RuntimeError("too many retries") from missed

    monkeypatch.setattr(commands, "app", refused)
    with pytest.raises(SystemExit, match="1"):
        commands.run()
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith(f"error: {server}") and "planted" not in told


def test_other_errors_are_none_of_azure() -> None:
    assert remote_fault_of(OSError("no space left on device")) is None
    assert server_fault_of(psycopg.DataError("invalid input syntax")) is None
