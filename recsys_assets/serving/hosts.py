"""By which names the service answers where no tokens are asked for.

A page of another site may let its own name point to this machine ("DNS rebinding"): its reader's
browser then takes the service for that site, lets the page read lists and send feedback. It says
the site's name in the header Host, which no page can change.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from recsys_assets.serving.endpoint import problem_response
from recsys_assets.serving.hot import App, Receive, Scope, Send
from recsys_assets.serving.problems import Problem


class KnownHosts:
    """Lets requests pass that name this machine, or a site whose pages may ask."""

    def __init__(self, app: App, origins: Iterable[str]) -> None:
        self.app = app
        names = {urlsplit(origin).hostname for origin in origins} | {"localhost"}
        self._is_known = lru_cache(maxsize=64)(lambda host: _is_known(host, names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        if scope["type"] == "http":
            # Who sends none is no browser.
            host = next((value for name, value in scope["headers"] if name == b"host"), None)
            if host is not None and not self._is_known(host):
                refused = Problem(
                    421,
                    "without tokens the service answers to localhost, to addresses by number, and"
                    " to the sites of RECSYS_SERVE_ORIGINS",
                )
                await problem_response(refused)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_known(host: bytes, names: set[str | None]) -> bool:
    try:
        name = urlsplit(f"//{host.decode('ascii')}").hostname
        if name in names:
            return True
        ipaddress.ip_address(name or "")  # nobody can point a number elsewhere
    except ValueError:
        return False
    return True
