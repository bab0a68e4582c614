"""The short way of the one request that makes up nearly all traffic: a user's stored list.

It answers what it can without the framework: known callers, plain numbers, no filters. Whatever is
out of the ordinary goes on to the framework, which answers the same requests too, only slower.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from recsys_assets.serving.endpoint import JSON, SECURITY_HEADERS
from recsys_assets.serving.recommending import stored_list
from recsys_assets.serving.service import Service
from recsys_assets.serving.shapes.fields import MOST_K
from recsys_assets.serving.tokens import ANYBODY

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTE = "/users/{user}/recommendations"
_BEFORE, _AFTER = "/users/", "/recommendations"
_HEADERS = [
    (b"content-type", JSON.encode()),
    *((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
]


class HotPath:
    """Stands before the framework."""

    def __init__(self, service: Service, framework: App) -> None:
        self.service = service
        self.framework = framework

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        start = time.perf_counter()
        body = self._body(scope)
        if body is None:
            await self.framework(scope, receive, send)
            return
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
        await send({"type": "http.response.body", "body": body})
        self.service.timings.observe(ROUTE, 200, time.perf_counter() - start)

    def _body(self, scope: Scope) -> bytes | None:
        """The answer; None where the framework must see to it."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        path: str = scope["path"]
        if not path.startswith(_BEFORE) or not path.endswith(_AFTER):
            return None
        user = path[len(_BEFORE) : -len(_AFTER)]
        query: bytes = scope["query_string"]
        k = query[2:] if query.startswith(b"k=") else b"10"
        if (query and k == b"10" and query != b"k=10") or not (_plain(user, 9) and _plain(k, 3)):
            return None
        service = self.service
        arms = service.watcher.arms
        count = int(k)
        if arms is None or not 1 <= count <= MOST_K:
            return None
        caller: Any = ANYBODY
        if service.verifier is not None:
            caller = self._known_caller(scope)
            if caller is None or "reader" not in caller.roles:
                return None
        number = int(user)
        arm, bundle = arms.of(number)
        body = stored_list(arm, bundle, number, count)
        if body is None or service.limit.wait(caller.name):
            return None
        return body

    def _known_caller(self, scope: Scope) -> Any:
        assert self.service.verifier is not None
        for name, value in scope["headers"]:
            if name == b"authorization":
                return self.service.verifier.remembered(value)
        return None


def _plain(text: str | bytes, most: int) -> bool:
    """Whether a text is a plain number of so many digits at most; 007 is none."""
    return text.isascii() and text.isdigit() and len(text) <= most and text[:1] not in ("0", b"0")
