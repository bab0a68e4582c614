"""Errors as JSON problems (RFC 9457): a status, a title, a reason in plain words."""

from collections.abc import Iterable

import msgspec

PROBLEM_TYPE = b"application/problem+json"

TITLES = {
    400: "The request cannot be understood",
    401: "A valid token is needed",
    403: "The token does not allow this",
    404: "There is nothing here",
    405: "This method is not for this address",
    408: "The request took too long to come",
    409: "There is no such thing now",
    413: "The request is too large",
    415: "The body is not JSON",
    421: "The service does not go by that name",
    422: "The request asks for something impossible",
    429: "Too many requests",
    500: "The service failed",
    503: "The service cannot answer now",
}


class ProblemBody(msgspec.Struct, rename={"kind": "type"}):
    """What every error answers."""

    status: int
    """The HTTP status."""
    title: str
    """What kind of error it is."""
    detail: str
    """What was wrong with this request, and what to do."""
    kind: str = "about:blank"


class Problem(Exception):
    """Ends a request with an error."""

    def __init__(self, status: int, detail: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = list(headers)

    def body(self) -> bytes:
        """The JSON document."""
        return msgspec.json.encode(ProblemBody(self.status, TITLES[self.status], self.detail))
