"""What surrounds every handler: who may call it, its limits, timing, errors and headers."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from recsys_assets.serving.problems import PROBLEM_TYPE, Problem
from recsys_assets.serving.service import Service
from recsys_assets.serving.tokens import ANYBODY, Caller

JSON = "application/json"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


Handler = Callable[[Service, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """A handler with what surrounds it: who may call it, limits, timing, errors."""

    route: str
    """The address with placeholders; it stands for the address in the figures."""
    handler: Handler
    role: str | None
    """Role it needs; None lets everybody in."""

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        start = time.perf_counter()
        asked: Service = request.app.state.service
        try:
            if self.role is not None:
                await self._admit(asked, request)
            response = await self.handler(asked, request)
        except Problem as problem:
            response = problem_response(problem)
        except Exception:
            # The framework answers; without this the figures would know of no fault of ours.
            asked.timings.observe(self.route, 500, time.perf_counter() - start)
            raise
        asked.timings.observe(self.route, response.status_code, time.perf_counter() - start)
        return response

    async def _admit(self, asked: Service, request: Request) -> None:
        assert self.role is not None
        caller: Caller = ANYBODY
        if asked.verifier is not None:
            header = request.headers.get("authorization")
            caller = await asked.verifier.caller(header.encode("latin-1") if header else None)
        wait = asked.limit.wait(caller.name)
        if wait:
            raise too_many(wait)
        caller.require(self.role)


def too_many(wait: float) -> Problem:
    """The error of a caller who asks too often."""
    seconds = str(int(wait) + 1)
    return Problem(
        429, f"more requests than you may make; wait {seconds} s", [("Retry-After", seconds)]
    )


def problem_response(problem: Problem) -> Response:
    """An error as an answer."""
    headers = dict(problem.headers) | SECURITY_HEADERS
    return Response(problem.body(), problem.status, headers, PROBLEM_TYPE.decode())


def answer(body: bytes) -> Response:
    """A JSON document as an answer."""
    return Response(body, 200, SECURITY_HEADERS, JSON)
