"""Channels that post JSON to an address: the plain webhook, and what the others share."""

import asyncio
import json
import logging
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx

from recsys_assets.resources.alerts.channels import Channel, ChannelError
from recsys_assets.resources.alerts.connection import (
    OptionalSecret,
    Secret,
    describe,
    redact,
)
from recsys_assets.resources.alerts.message import Alert
from recsys_assets.resources.alerts.rendering import plain_text


class HookChannel(Channel):
    """Anything that takes a JSON body by POST."""

    url: Secret
    """Where to post. A secret: the URL of a hook usually carries its key."""
    max_payload_bytes: int = 24_000
    """Largest body the receiver takes; facts are left out to stay below it."""

    @abstractmethod
    def render(self, alert: Alert) -> dict[str, Any]:
        """The JSON object that the receiver expects."""

    def body(self, alert: Alert) -> bytes:
        """The object in UTF-8; facts are left out from the end until it fits."""
        for shown in range(len(alert.facts), -1, -1):
            rendered = self.render(alert.with_facts(shown))
            body = json.dumps(rendered, ensure_ascii=False).encode("utf-8")
            if len(body) <= self.max_payload_bytes:
                break
        return body

    def _headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json", "Accept-Encoding": "identity"}

    def _transmit(self, alert: Alert) -> None:
        with _unlogged(self._secrets()):
            asyncio.run(self._post(self.body(alert)))

    async def _post(self, body: bytes) -> None:
        """Post, in all within the time limit: that of a socket begins anew with each byte."""
        seconds = self.timeout_seconds
        try:
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(timeout=None, verify=self.tls()) as client,
                client.stream("POST", self.url, content=body, headers=self._headers()) as response,
            ):
                if not response.is_success:
                    # Not unpacked, whatever it says of itself: a kilobyte may unpack to gigabytes.
                    # More than is shown: half of a secret would not be known as one.
                    answer = await anext(response.aiter_raw(2_000), b"")
                    said = answer.decode("utf-8", "replace")
                    raise ChannelError(
                        f"{response.url.host} answered {response.status_code}: {said}"
                    )
        except TimeoutError:
            raise ChannelError(f"Timeout: no whole answer within {seconds:g} s") from None
        except httpx.ConnectError as error:  # says no more than that all attempts failed
            cause: BaseException = error
            while cause.__cause__ or cause.__context__:
                cause = cause.__cause__ or cause.__context__ or cause
            host = error.request.url.host
            raise ChannelError(f"no connection to {host}: {describe(cause)}") from None

    def _secrets(self) -> list[str]:
        return secret_parts(self.url)


class WebhookChannel(HookChannel):
    """The alert's own fields as JSON, posted to a URL."""

    name: ClassVar[str] = "webhook"

    bearer_token: OptionalSecret = None
    """Sent as `Authorization: Bearer …` if given."""

    def render(self, alert: Alert) -> dict[str, Any]:
        """Every field of the alert, and the whole of it as text, which chat services show."""
        return alert.model_dump(mode="json") | {"text": plain_text(alert)}

    def _headers(self) -> dict[str, str]:
        token = {"Authorization": f"Bearer {self.bearer_token}"} if self.bearer_token else {}
        return super()._headers() | token

    def _secrets(self) -> list[str]:
        return [*super()._secrets(), self.bearer_token or ""]


def secret_parts(url: str) -> list[str]:
    """What no log may show of a URL; a server may quote any part of it in its answer."""
    # scheme: / / authority / path and query
    parts = url.split("/", 3)
    account = parts[2].rpartition("@")[0] if len(parts) > 2 else ""
    return [url, account, parts[3] if len(parts) > 3 else ""]


@contextmanager
def _unlogged(secrets: list[str]) -> Iterator[None]:
    """Drop records with a secret: httpx logs every URL, httpcore every header of an answer."""

    def holds_no_secret(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return redact(text, secrets) == text

    http_loggers = [logging.getLogger(name) for name in ("httpx", "httpcore.http11")]
    for http_logger in http_loggers:
        http_logger.addFilter(holds_no_secret)
    try:
        yield
    finally:
        for http_logger in http_loggers:
            http_logger.removeFilter(holds_no_secret)
