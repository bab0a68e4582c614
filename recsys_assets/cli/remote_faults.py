"""What Azure and servers say where they do not do as asked: one line, with what to look at."""

import re

from recsys_assets.registry.address import without_account

_CLIENTS = ("Error performing ", "Generic MicrosoftAzure error", "unable to connect to account for")
"""How the clients of delta-rs, polars and adlfs begin to say what failed."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|↳")
_STATUS = re.compile(r"\b([45]\d\d) [A-Z][a-z]+")
_LONGEST = 400

_HINTS = {
    401: "log in (`az login`), or look at the identity that the environment names",
    403: "look whether this identity has its role there (docs/azure.md, Who may do what), and"
    " whether the account's firewall lets this machine in",
    404: "look whether RECSYS_AZURE_STORAGE_ACCOUNT names the right account, and whether its"
    " containers landing, rejected and lake are there",
}
_OF_KEYS = re.compile(
    "header is formed correctly|KeyBasedAuthenticationNotPermitted|Invalid Access Key"
    "|Incorrect padding|Connection string"
)
_KEY_HINT = (
    "look at the key or token that the environment names (AZURE_STORAGE_…): it is wrong or too old,"
    " or the account lets in identities alone"
)
"""Of these Azure says 403 too, or the client asks nobody; no role would help."""
_IDENTITY_HINT = (
    "the tables' client finds no identity here: who has logged in by `az login` sets"
    " AZURE_USE_AZURE_CLI=true besides, or it does not ask there"
)
_HINT = "look whether this machine reaches it, and try again"


def remote_fault_of(error: BaseException) -> str | None:
    """What Azure refused, and what to look at; None where the error is about something else."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    text = " ".join(_COLOURS.sub("", str(error)).split())
    if not isinstance(error, AzureError) and not any(words in text for words in _CLIENTS):
        return None
    status = getattr(error, "status_code", None)
    if status is None and isinstance(error, ClientAuthenticationError):
        status = 401
    elif status is None and (found := _STATUS.search(text)):
        status = int(found[1])
    hint = _KEY_HINT if _OF_KEYS.search(text) else _HINTS.get(status or 0, _HINT)
    if "/metadata/identity/" in text:  # where a machine of Azure's is told who it is
        hint = _IDENTITY_HINT
    return f"Azure did not do as asked: {hint}. It says: {_short(text)}"


_SERVERS = {
    ("psycopg2", "OperationalError"): "Dagster's database does not answer. What the daemon has"
    " started goes on once it does, or is repeated by itself: look at `recsys health` first",
    ("psycopg", "OperationalError"): "The warehouse (RECSYS_WAREHOUSE_URL) does not answer: look"
    " whether this machine reaches it, and try again",
    ("requests", "ConnectionError"): "The registry of models (RECSYS_MLFLOW_URI) does not answer:"
    " look whether this machine reaches it, and try again",
}
"""Library and error by which a server is missed, as it stands at the bottom of others."""


def server_fault_of(error: BaseException) -> str | None:
    """Which server does not answer, and what is said of it; None where it is about something else.

    The libraries are named, not imported: most commands need none of them.
    """
    cause: BaseException | None = error
    while cause is not None:
        library = type(cause).__module__.partition(".")[0]
        if told := _SERVERS.get((library, type(cause).__name__)):
            text = " ".join(without_account(str(cause)).split())
            return f"{told}. It says: {_short(text)}"
        cause = cause.__cause__ or cause.__context__
    return None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
