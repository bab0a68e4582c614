"""Errors, headers, limits and documents: what every address has in common."""

import json
import socket

import msgspec
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.serving.address import ListenError
from recsys_assets.serving.operations import OPERATIONS
from recsys_assets.serving.server import serve
from recsys_assets.serving.settings import ServiceSettings, in_words
from recsys_assets.serving.shapes import answers
from recsys_assets_tests.serving.conftest import Platform, Start
from recsys_assets_tests.serving.running import running

BAD = [
    ("GET", "/users/0/recommendations", None, 422, "user"),
    ("GET", "/users/x/recommendations", None, 422, "user"),
    ("GET", "/users/1/recommendations?k=101", None, 422, "k:"),
    ("GET", "/users/1/recommendations?kk=1", None, 422, "kk"),
    ("GET", "/users/1/recommendations?k=1&k=2", None, 422, "twice"),
    ("GET", "/users/1/recommendations?genre=Opera", None, 404, "Opera"),
    ("GET", "/users/1/recommendations?exclude=a", None, 422, "exclude"),
    ("GET", "/users/1/recommendations?arm=canary", None, 409, "canary"),
    ("GET", "/nowhere", None, 404, "openapi"),
    ("GET", "/ready/", None, 404, "openapi"),
    ("POST", "/rank/", "{}", 404, "openapi"),
    ("DELETE", "/rank", None, 405, "openapi"),
    ("POST", "/rank", "{", 400, "JSON"),
    ("POST", "/rank", "[" * 100_000, 400, "JSON"),
    ("POST", "/rank", "{}", 422, "candidates"),
    ("POST", "/rank", '{"candidates": []}', 422, "candidates"),
    ("POST", "/rank", json.dumps({"candidates": [{"item": 1}] * 1001}), 422, "1000"),
    ("POST", "/rank", '{"candidates": [{"item": 1, "features": {"C1": "nothex!!"}}]}', 422, "hexa"),
    ("POST", "/rank", '{"candidates": [{"item": 1, "features": {"I14": 1}}]}', 422, "I14"),
    ("POST", "/rank", '{"candidates": [{"item": 1}], "k": 1e999}', 422, "range"),
    ("POST", "/recommendations", '{"ratings": [{"item": 1, "rating": 6}]}', 422, "rating"),
    ("POST", "/feedback", '{"events": [{"user": 1}]}', 422, "item"),
    ("POST", "/rank", " " * (3 << 20), 413, "bytes"),
    ("POST", "/rank", b'{"genre": "\xff"}', 400, "JSON"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "word"), BAD)
def test_every_error_is_a_problem_with_a_reason(
    client: TestClient, method: str, path: str, body: str | bytes | None, status: int, word: str
) -> None:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = client.request(method, path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert word in answer.json()["detail"]


def test_a_body_that_is_not_declared_as_json_is_refused(client: TestClient) -> None:
    assert client.post("/rank", content="{}").status_code == 415


def test_the_service_says_what_it_serves(client: TestClient, platform: Platform) -> None:
    about = msgspec.json.decode(client.get("/version").content, type=answers.VersionAnswer)
    assert (about.champion, about.canary, about.refused) == (platform.old, None, {})
    assert about.tables[TOP_K] == 0
    assert client.get("/health").json() == {"status": "ok"}


def test_every_answer_is_guarded_by_headers(client: TestClient) -> None:
    for path in ("/users/1/recommendations", "/version", "/nowhere", "/", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "access-control-allow-origin" not in headers, path


def test_only_named_origins_may_ask_from_a_browser(start: Start) -> None:
    client = start(origins=["https://shop.example"])
    path = "/users/1/recommendations"
    good = client.get(path, headers={"Origin": "https://shop.example"})
    assert good.headers["access-control-allow-origin"] == "https://shop.example"
    bad = client.get(path, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "https://*.shop.example", "https://shop.example/", "https://Shop.example"),
        *("https://shop.example:443", "http://shop.example:80", "https://müller.example"),
        *("shop.example", "null"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(settings: ServiceSettings, origin: str) -> None:
    with pytest.raises(ValidationError, match="origin"):
        ServiceSettings.model_validate(settings.model_dump() | {"origins": [origin]})


def test_origins_that_browsers_send_are_taken(settings: ServiceSettings) -> None:
    origins = [
        *("https://shop.example", "http://shop.example:443", "https://shop.example:80"),
        *("http://localhost:3000", "http://[::1]:8080", "chrome-extension://abcdef"),
    ]
    given = settings.model_dump() | {"origins": origins}
    assert ServiceSettings.model_validate(given).origins == origins


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost", "LOCALHOST:8080", "127.0.0.2:1", "[::1]:8080")),
        *((host, 200) for host in ("10.1.2.3", "shop.example", "shop.example:8443")),
        *((host, 421) for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example")),
        *((host, 421) for host in ("localhost.evil.example", "x@evil.example", "", "[", "a b")),
    ],
)
def test_no_page_reaches_it_by_a_name_of_its_own(start: Start, host: str, status: int) -> None:
    client = start(origins=["https://shop.example"])
    for path in ("/users/1/recommendations", "/items", "/"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == status, answer.text
        assert status == 200 or "RECSYS_SERVE_ORIGINS" in answer.json()["detail"]


def test_a_caller_who_asks_too_often_is_told_to_wait(start: Start) -> None:
    client = start(rate=0.5, burst=5)
    answers = [client.get("/users/1/recommendations") for _ in range(8)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client.get("/health").status_code == 200


def test_the_document_has_an_example_of_every_body(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method.lower()]
        if operation.body is not None:
            example = described["requestBody"]["content"]["application/json"]["example"]
            assert client.post(operation.path, json=example).status_code == 200, operation.path


def test_who_sends_too_much_is_told_so_over_a_real_connection(settings: ServiceSettings) -> None:
    with running(**settings.model_dump(exclude={"port"})) as service:
        service.wait()
        headers = {"Content-Type": "application/json"}
        for _ in range(20):
            answer = service.client.post("/rank", content=b" " * (3 << 20), headers=headers)
            assert answer.status_code == 413
        assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (b"GET /health HT", b""),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200"),
        (
            b"POST /rank HTTP/1.1\r\nHost: [::1]:1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\n\r\n{",
            b"HTTP/1.1 408",
        ),
    ],
    ids=["nothing", "half a head", "no second request", "half a body"],
)
def test_who_sends_no_more_does_not_keep_a_connection_for_ever(
    settings: ServiceSettings, sent: bytes, answered: bytes
) -> None:
    with running(**settings.model_dump(exclude={"port"}) | {"patience_seconds": 1}) as service:
        service.wait()
        with socket.create_connection(("127.0.0.1", service.settings.port), 10) as connection:
            connection.sendall(sent)
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received[: len(answered)] == answered
    assert bool(received) == bool(answered)


def test_a_fault_of_the_service_stands_in_its_figures(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("recsys_assets.serving.recommending.found_items", fail)
    assert client.get("/items").status_code == 500
    counted = 'recsys_request_seconds_count{route="/items",status="500"} 1.0'
    assert counted in client.get("/metrics").text


def test_wrong_settings_are_told_by_what_holds_them(settings: ServiceSettings) -> None:
    wrong = {"workers": 0, "port": 70_000, "rate": -1, "auth": {"issuers": []}}
    with pytest.raises(ValidationError) as refused:
        ServiceSettings.model_validate(settings.model_dump() | wrong)
    told = in_words(refused.value)
    for part in ("--workers: Input", "--port: Input", "RECSYS_SERVE_RATE: Input"):
        assert part in told
    assert "RECSYS_SERVE_ISSUERS: List" in told and "RECSYS_SERVE_JWKS_URL: Field" in told


def test_two_services_never_share_a_port(settings: ServiceSettings) -> None:
    with running(**settings.model_dump()) as first:
        first.wait()
        with pytest.raises(ListenError, match="already in use"):
            serve(first.settings)
