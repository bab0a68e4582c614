"""Posts as they arrive: a real webhook receiver on loopback."""

import gzip
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from recsys_assets.resources.alerts import (
    ChannelError,
    WebhookChannel,
)
from recsys_assets.resources.alerts.rendering import plain_text
from recsys_assets_tests.resources.alert_servers import (
    HOST,
    Posts,
    dripping_server,
    free_port,
)
from recsys_assets_tests.resources.alerts.making import (
    TOKEN,
    make_alert,
)


def test_payload_has_every_field_and_a_text(posts: Posts) -> None:
    WebhookChannel(url=posts.url, bearer_token=TOKEN).deliver(make_alert())
    (body,) = posts.bodies
    assert body["title"] == "daily_ingest (2026-03-01) failed"
    assert body["severity"] == "error"
    assert datetime.fromisoformat(body["since"]) == datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
    assert body["facts"] == {"rows quarantined": "12", "still served": "model 41"}
    assert body["links"]["run"] == "http://127.0.0.1:3000/runs/abc"
    assert body["event_key"] == "run-failure:abc"
    assert body["text"] == plain_text(make_alert())
    assert posts.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert posts.headers[0]["Content-Type"] == "application/json"


def test_no_authorization_without_a_token(posts: Posts) -> None:
    WebhookChannel(url=posts.url).deliver(make_alert())
    assert "Authorization" not in posts.headers[0]


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_anything_but_2xx_is_an_error(posts: Posts, status: int) -> None:
    posts.status, posts.answer = status, b"try later"
    with pytest.raises(ChannelError, match=f"{HOST} answered {status}: try later"):
        WebhookChannel(url=posts.url).deliver(make_alert())
    assert posts.bodies == []


def test_an_answer_that_unpacks_to_gigabytes_costs_no_memory(posts: Posts) -> None:
    posts.status, posts.encoding = 500, "gzip, gzip"
    posts.answer = gzip.compress(gzip.compress(bytes(64 << 20)))
    assert len(posts.answer) < 1_000
    tracemalloc.start()
    try:
        with pytest.raises(ChannelError, match=f"{HOST} answered 500"):
            WebhookChannel(url=posts.url).deliver(make_alert())
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_why_nobody_is_reached_is_told() -> None:
    with pytest.raises(ChannelError, match=f"no connection to {HOST}: ConnectionRefusedError: "):
        WebhookChannel(url=f"http://{HOST}:{free_port()}/hook").deliver(make_alert())


def test_a_server_that_drips_costs_the_time_limit() -> None:
    started = time.monotonic()
    with dripping_server(seconds=2.0) as port:
        with pytest.raises(ChannelError, match="no whole answer"):
            WebhookChannel(url=f"http://{HOST}:{port}/x", timeout_seconds=0.5).deliver(make_alert())
        assert time.monotonic() - started < 1.5


def test_a_large_alert_is_cut_to_the_limit_and_says_so(posts: Posts) -> None:
    facts = {f"check {number}": "ü" * 100 for number in range(100)}
    WebhookChannel(url=posts.url, max_payload_bytes=8_000).deliver(make_alert(facts=facts))
    assert 6_000 < posts.sizes[0] <= 8_000
    shown = posts.bodies[0]["facts"]
    hidden = 100 - (len(shown) - 1)
    assert shown["not shown"] == f"{hidden} more; follow the links"
    assert list(shown)[:2] == ["check 0", "check 1"]


@pytest.mark.parametrize("url", ["not a url", "ftp://x/y", "http://[broken", ""])
def test_a_url_that_is_none_is_an_error_of_the_channel(url: str) -> None:
    with pytest.raises(ChannelError):
        WebhookChannel(url=url).deliver(make_alert())
