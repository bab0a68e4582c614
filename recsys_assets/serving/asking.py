"""What a request asks for, read from its address, its query and its body."""

import asyncio
import re
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from recsys_assets.serving.arms import CHAMPION
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.endpoint import JSON
from recsys_assets.serving.problems import Problem
from recsys_assets.serving.service import Service
from recsys_assets.serving.shapes.fields import LARGEST, MOST_K

EXCLUDED = "([1-9][0-9]{0,9}(,[1-9][0-9]{0,9}){0,99})?"
"""Ids by comma; none at all for an empty text."""
MOST_BYTES = 2 << 20
"""Of a request's body."""
READ_ON = 4
"""Times the largest body that are read before a larger one is refused: who still sends when the
connection is closed never sees why."""
_WHOLE = re.compile("0|[1-9][0-9]{0,9}")


async def decoded(asked: Service, request: Request, decoder: Any) -> Any:
    """The body as what the decoder makes of it.

    Raises:
        Problem: 415, 413, 408, 400 or 422: it is not JSON, too large, too slow, broken, cut off, or
            not what is asked for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Problem(415, f"send the body as {JSON}")
    patience = asked.settings.patience_seconds
    try:
        async with asyncio.timeout(patience):
            body = await _body(request)
    except TimeoutError as error:
        raise Problem(408, f"the body did not come within {patience:g} s") from error
    except ClientDisconnect as error:  # nobody reads the answer, but it is no fault of ours
        raise Problem(400, "the connection was closed within the body") from error
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            return msgspec.convert(_with_whole_numbers(msgspec.json.decode(body)), decoder.type)
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error


def _with_whole_numbers(value: Any) -> Any:
    """The same with whole numbers as such: JSON makes no difference between 2.0 and 2."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


async def _body(request: Request) -> bytes:
    too_large = Problem(413, f"at most {MOST_BYTES} bytes")
    if int(request.headers.get("content-length") or 0) > MOST_BYTES * READ_ON:
        raise too_large
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MOST_BYTES:
            body += chunk
        elif size > MOST_BYTES * READ_ON:
            break
    if size > MOST_BYTES:
        raise too_large
    return bytes(body)


def only(request: Request, known: set[str]) -> None:
    """Refuse parameters that mean nothing here, and those given twice.

    Raises:
        Problem: 422, there are some.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise Problem(422, f"no parameter {name!r} here; there are {', '.join(sorted(known))}")
        if given.count(name) > 1:
            raise Problem(422, f"the parameter {name!r} is given twice")


def number(name: str, text: str, least: int, most: int) -> int:
    """A whole number of a request.

    Raises:
        Problem: 422, it is none, or beyond the limits.
    """
    if _WHOLE.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    raise Problem(422, f"{name}: a whole number from {least} to {most}")


def k_of(request: Request) -> int:
    """How many items are asked for."""
    return number("k", request.query_params.get("k", "10"), 1, MOST_K)


def arm_of(request: Request) -> str | None:
    """Which arm is asked for, if any.

    Raises:
        Problem: 422, there is no such arm.
    """
    arm = request.query_params.get("arm")
    if arm not in (None, CHAMPION, "canary"):
        raise Problem(422, "arm: champion or canary")
    return arm


def filters_of(request: Request) -> Filters:
    """What is to be left out.

    Raises:
        Problem: 422, it cannot be read.
    """
    given = request.query_params
    items = given.get("exclude", "")
    if not re.fullmatch(EXCLUDED, items):
        raise Problem(422, "exclude: up to 100 ids of items, by comma")
    year = given.get("min_year")
    return Filters(
        frozenset(int(item) for item in items.split(",") if item and int(item) <= LARGEST),
        given.get("genre"),
        None if year is None else number("min_year", year, 0, 3000),
    )
