"""HTTP in, HTTP out: what each address asks of the service, and who may ask it."""

import importlib.metadata
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from recsys_assets.serving import folding_in, metrics, ranking, recommending
from recsys_assets.serving.arms import CHAMPION
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.problems import PROBLEM_TYPE, Problem
from recsys_assets.serving.service import Service
from recsys_assets.serving.shapes import (
    LARGEST,
    Alive,
    FeedbackAnswer,
    FeedbackRequest,
    NewUser,
    RankRequest,
    Ready,
    VersionAnswer,
)
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
EXCLUDED = "([1-9][0-9]{0,9}(,[1-9][0-9]{0,9}){0,99})?"
"""Ids by comma; none at all for an empty text."""
_WHOLE = re.compile("0|[1-9][0-9]{0,9}")
Handler = Callable[[Service, Request], Awaitable[Response]]
_encode = msgspec.json.Encoder().encode
_rank_request = msgspec.json.Decoder(RankRequest)
_new_user = msgspec.json.Decoder(NewUser)
_feedback = msgspec.json.Decoder(FeedbackRequest)


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


async def recommend(asked: Service, request: Request) -> Response:
    """The stored list of a user, with filters."""
    _only(request, {"k", "exclude", "genre", "min_year", "arm"})
    user = _number("user", request.path_params["user"], 1, LARGEST)
    k, filters = _k(asked, request), _filters(request)
    arm, bundle = asked.arm(_arm(request), user)
    body = (
        recommending.filtered_list(arm, bundle, user, k, filters)
        if filters
        else recommending.stored_list(arm, bundle, user, k)
    )
    return answer(body or recommending.segment_list(arm, bundle, user, k, filters))


async def recommend_new(asked: Service, request: Request) -> Response:
    """A list for somebody the models have not seen."""
    body = await _decoded(asked, request, _new_user)
    arm, bundle = asked.arm(body.arm)
    return answer(folding_in.folded_list(arm, bundle, body))


async def rank(asked: Service, request: Request) -> Response:
    """Candidates by click probability."""
    body = await _decoded(asked, request, _rank_request)
    if len(body.candidates) > asked.settings.max_candidates:
        raise Problem(422, f"at most {asked.settings.max_candidates} candidates at once")
    return answer(_encode(ranking.rank(asked, body)))


async def similar(asked: Service, request: Request) -> Response:
    """Items that the same people like."""
    _only(request, {"k", "exclude", "genre", "min_year", "arm"})
    item = _number("item", request.path_params["item"], 1, LARGEST)
    arm, bundle = asked.arm(_arm(request))
    return answer(
        recommending.similar_list(arm, bundle, item, _k(asked, request), _filters(request))
    )


async def find(asked: Service, request: Request) -> Response:
    """Items by title."""
    _only(request, {"q", "k"})
    words = request.query_params.get("q", "")
    if len(words) > 200:
        raise Problem(422, "q: at most 200 characters")
    return answer(recommending.found_items(asked.arms.champion, words, _k(asked, request)))


async def feedback(asked: Service, request: Request) -> Response:
    """What was shown and clicked, on disk before the answer."""
    body = await _decoded(asked, request, _feedback)
    await asked.keep(body.events)
    return answer(_encode(FeedbackAnswer(len(body.events))))


async def health(asked: Service, request: Request) -> Response:
    """Whether the process answers."""
    return answer(_encode(Alive()))


async def ready(asked: Service, request: Request) -> Response:
    """Whether there is a bundle to answer from."""
    return answer(_encode(Ready(asked.arms.champion.version)))


async def version(asked: Service, request: Request) -> Response:
    """What serves."""
    arms = asked.arms
    facts = arms.champion.facts
    return answer(
        _encode(
            VersionAnswer(
                service=service_version(),
                champion=arms.champion.version,
                canary=arms.canary.version if arms.canary else None,
                canary_share=arms.pointer.canary_share if arms.canary else 0.0,
                models=facts["models"],
                tables=facts["tables"],
                refused=asked.watcher.faults,
                genres=arms.champion.catalogue.genres,
            )
        )
    )


async def figures(asked: Service, request: Request) -> Response:
    """Figures for Prometheus."""
    asked.missing.hand_on()
    text = metrics.exposition(asked.settings.workers > 1)
    return Response(text, 200, SECURITY_HEADERS, metrics.CONTENT_TYPE_LATEST)


def service_version() -> str:
    """Version of the installed package."""
    return importlib.metadata.version("recsys_assets")


async def _decoded(asked: Service, request: Request, decoder: Any) -> Any:
    """The body as what the decoder makes of it.

    Raises:
        Problem: 415, 413, 400 or 422: it is not JSON, too large, broken, or not what is asked for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Problem(415, f"send the body as {JSON}")
    body = await _body(request, asked.settings.max_body)
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            return msgspec.convert(_with_whole_numbers(msgspec.json.decode(body)), decoder.type)
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error


def _with_whole_numbers(value: Any) -> Any:
    """The same with whole numbers as such: JSON makes no difference between 2.0 and 2."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


async def _body(request: Request, most: int) -> bytes:
    too_large = Problem(413, f"at most {most} bytes")
    if int(request.headers.get("content-length") or 0) > most:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)


def _only(request: Request, known: set[str]) -> None:
    """Refuse parameters that mean nothing here, and those given twice."""
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise Problem(422, f"no parameter {name!r} here; there are {', '.join(sorted(known))}")
        if given.count(name) > 1:
            raise Problem(422, f"the parameter {name!r} is given twice")


def _number(name: str, text: str, least: int, most: int) -> int:
    if _WHOLE.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    raise Problem(422, f"{name}: a whole number from {least} to {most}")


def _k(asked: Service, request: Request) -> int:
    return _number("k", request.query_params.get("k", "10"), 1, asked.settings.max_k)


def _arm(request: Request) -> str | None:
    arm = request.query_params.get("arm")
    if arm not in (None, CHAMPION, "canary"):
        raise Problem(422, "arm: champion or canary")
    return arm


def _filters(request: Request) -> Filters:
    given = request.query_params
    items = given.get("exclude", "")
    if not re.fullmatch(EXCLUDED, items):
        raise Problem(422, "exclude: up to 100 ids of items, by comma")
    year = given.get("min_year")
    return Filters(
        frozenset(int(item) for item in items.split(",") if item and int(item) <= LARGEST),
        given.get("genre"),
        None if year is None else _number("min_year", year, 0, 3000),
    )
