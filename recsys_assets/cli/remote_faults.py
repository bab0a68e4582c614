"""What Azure answers where it does not do as asked: one line, with what to look at."""

import re

_RUST = "Error performing "
"""How the storage client of delta-rs and polars begins to say which request failed."""
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
_HINT = "look whether this machine reaches it, and try again"


def remote_fault_of(error: BaseException) -> str | None:
    """What Azure refused, and what to look at; None where the error is about something else."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    text = " ".join(_COLOURS.sub("", str(error)).split())
    if not isinstance(error, AzureError) and _RUST not in text:
        return None
    status = getattr(error, "status_code", None)
    if status is None and isinstance(error, ClientAuthenticationError):
        status = 401
    elif status is None and (found := _STATUS.search(text)):
        status = int(found[1])
    hint = _HINTS.get(status or 0, _HINT)
    said = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"Azure did not do as asked: {hint}. It says: {said}"
