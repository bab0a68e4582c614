"""Who may ask: every way in which a token can be wrong, against keys served on loopback."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from starlette.testclient import TestClient

from recsys_assets.serving.settings import AuthSettings, ServiceSettings, settings_of
from recsys_assets_tests.serving.conftest import Start
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, Issuer, issuing

LIST = "/users/1/recommendations"
NOW = int(time.time())


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def guarded(start: Start, issuer: Issuer) -> TestClient:
    auth = AuthSettings(
        issuers=[ISSUER], audiences=[AUDIENCE], jwks_url=issuer.url, cooldown_seconds=0
    )
    return start(auth=auth.model_dump())


def ask(client: TestClient, token: str, path: str = LIST) -> tuple[int, str]:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json().get("detail", "")


def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def unsigned(issuer: Issuer) -> str:
    body = issuer.token().split(".")[1]
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "one"}).encode())
    return f"{none.decode().rstrip('=')}.{body}."


def confused(issuer: Issuer) -> str:
    """Signed as with a shared secret, the secret being the public key."""
    public = issuer.keys["one"].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body = issuer.token().split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').decode().rstrip("=")
    signed = f"{header}.{body}".encode()
    mark = base64.urlsafe_b64encode(hmac.new(pem, signed, hashlib.sha256).digest()).decode()
    return f"{header}.{body}.{mark.rstrip('=')}"


def tampered(issuer: Issuer) -> str:
    """The body of a mightier token under the signature of a weaker one."""
    head, _, mark = issuer.token().split(".")
    return f"{head}.{issuer.token(roles=['admin']).split('.')[1]}.{mark}"


WRONG: dict[str, tuple[Callable[[Issuer], str], int]] = {
    "expired": (lambda i: i.token(exp=NOW - 3_600), 401),
    "not yet valid": (lambda i: i.token(nbf=NOW + 3_600), 401),
    "without an end": (lambda i: i.token(exp=None), 401),
    "wrong audience": (lambda i: i.token(aud="other"), 401),
    "without audience": (lambda i: i.token(aud=None), 401),
    "wrong issuer": (lambda i: i.token(iss=ISSUER.replace("1", "9")), 401),
    "issuer with more behind it": (lambda i: i.token(iss=ISSUER + "/"), 401),
    "without issuer": (lambda i: i.token(iss=None), 401),
    "wrong key": (lambda i: i.token(key=other_key()), 401),
    "unknown key": (lambda i: i.token(kid="none such", key=other_key()), 401),
    "none": (unsigned, 401),
    "public key as secret": (confused, 401),
    "shared secret": (lambda i: i.token(key="s" * 32, alg="HS256"), 401),
    "tampered": (tampered, 401),
    "no token at all": (lambda i: "x.y.z", 401),
    "empty": (lambda i: " ", 401),
    "huge": (lambda i: "a" * 20_000, 401),
    "without roles": (lambda i: i.token(roles=None), 403),
    "unknown role": (lambda i: i.token(roles=["owner"]), 403),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused(guarded: TestClient, issuer: Issuer, name: str) -> None:
    make, status = WRONG[name]
    assert ask(guarded, issuer.token())[0] == 200
    for _ in range(2):
        assert ask(guarded, make(issuer))[0] == status
    answer = guarded.get(LIST, headers={"Authorization": f"Bearer {make(issuer)}"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_no_header_and_other_schemes_are_refused(guarded: TestClient, issuer: Issuer) -> None:
    assert guarded.get(LIST).status_code == 401
    basic = {"Authorization": f"Basic {issuer.token()}"}
    assert guarded.get(LIST, headers=basic).status_code == 401
    for path in ("/health", "/ready", "/", "/openapi.json"):
        assert guarded.get(path).status_code == 200


ROLES = [
    ("reader", {"list": 200, "rank": 403, "metrics": 403}),
    ("scorer", {"list": 200, "rank": 200, "metrics": 403}),
    ("admin", {"list": 200, "rank": 200, "metrics": 200}),
]


@pytest.mark.parametrize(("role", "expected"), ROLES)
def test_a_role_allows_what_it_says(
    guarded: TestClient, issuer: Issuer, role: str, expected: dict[str, int]
) -> None:
    headers = {"Authorization": f"Bearer {issuer.token(roles=[role])}"}
    body = {"candidates": [{"item": 1}]}
    found: dict[str, Any] = {
        "list": guarded.get(LIST, headers=headers),
        "rank": guarded.post("/rank", json=body, headers=headers),
        "metrics": guarded.get("/metrics", headers=headers),
    }
    assert {name: answer.status_code for name, answer in found.items()} == expected


def test_a_rotated_key_is_fetched_and_the_withdrawn_one_forgotten(
    guarded: TestClient, issuer: Issuer
) -> None:
    old = issuer.token()
    assert ask(guarded, old)[0] == 200
    issuer.add_key("two")
    assert ask(guarded, issuer.token("two"))[0] == 200
    assert ask(guarded, old)[0] == 200
    del issuer.keys["one"]
    issuer.add_key("three")
    assert ask(guarded, issuer.token("three"))[0] == 200
    assert ask(guarded, old)[0] == 401


def test_a_token_is_checked_once_and_then_remembered(guarded: TestClient, issuer: Issuer) -> None:
    token = issuer.token()
    for _ in range(5):
        assert ask(guarded, token)[0] == 200
    assert issuer.fetched == 1


def test_a_remembered_token_runs_out(start: Start, issuer: Issuer) -> None:
    auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url, "leeway": 0}
    client = start(auth=auth)
    token = issuer.token(exp=int(time.time()) + 2)
    assert ask(client, token)[0] == 200
    time.sleep(2.1)
    assert ask(client, token)[0] == 401


def test_unknown_keys_do_not_make_the_service_ask_on_and_on(start: Start, issuer: Issuer) -> None:
    auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
    client = start(auth=auth)
    key = other_key()
    for number in range(10):
        assert ask(client, issuer.token(f"made up {number}", key))[0] == 401
    assert issuer.fetched == 1


def test_known_keys_serve_on_while_the_issuer_is_away(guarded: TestClient, issuer: Issuer) -> None:
    assert ask(guarded, issuer.token())[0] == 200
    issuer.up = False
    assert ask(guarded, issuer.token(oid="another"))[0] == 200
    assert ask(guarded, issuer.token("two", other_key()))[0] == 401


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"null", b'{"keys": [3]}', b"\xff"])
def test_without_any_keys_the_service_says_so(
    start: Start, issuer: Issuer, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.answer = answer
    auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
    status, detail = ask(start(auth=auth), issuer.token())
    assert status == 503 and "keys" in detail
    assert f"no keys from {issuer.url}" in caplog.text


def test_an_issuer_that_is_away_at_first_is_asked_again(start: Start, issuer: Issuer) -> None:
    issuer.up = False
    auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
    client = start(auth=auth | {"cooldown_seconds": 0})
    assert ask(client, issuer.token())[0] == 503
    issuer.up = True
    assert ask(client, issuer.token())[0] == 200


def test_callers_do_not_use_up_one_anothers_share(start: Start, issuer: Issuer) -> None:
    auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
    client = start(auth=auth, rate=0.1, burst=3)
    greedy, modest = issuer.token(oid="greedy"), issuer.token(oid="modest")
    assert [ask(client, greedy)[0] for _ in range(5)][-1] == 429
    assert ask(client, issuer.token(oid="greedy", iat=NOW - 5))[0] == 429
    assert ask(client, modest)[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_without_tokens_only_this_machine_may_ask(settings: ServiceSettings, host: str) -> None:
    with pytest.raises(ValidationError, match="without asking for tokens"):
        ServiceSettings.model_validate(settings.model_dump() | {"host": host})
    auth = {"issuers": ["i"], "audiences": ["a"], "jwks_url": "https://issuer.example/keys"}
    assert ServiceSettings.model_validate(settings.model_dump() | {"host": host, "auth": auth})


def test_keys_are_not_fetched_over_an_open_line() -> None:
    with pytest.raises(ValidationError, match="https"):
        AuthSettings(issuers=["i"], audiences=["a"], jwks_url="http://issuer.example/keys")


def test_a_line_end_after_an_address_is_no_part_of_it() -> None:
    names = ("ISSUERS", "AUDIENCES", "JWKS_URL", "BUNDLES", "FEEDBACK")
    given = {f"RECSYS_SERVE_{name}": f"https://{name.lower()}\n" for name in names}
    found = ServiceSettings.model_validate(settings_of(given))
    assert found.auth is not None and found.auth.jwks_url == "https://jwks_url"
    assert (found.bundles.name, found.feedback.name) == ("bundles", "feedback")


def test_nothing_personal_is_logged(
    guarded: TestClient, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "recsys_assets")
    token = issuer.token(oid="a-person")
    ask(guarded, token, "/users/31337/recommendations")
    ask(guarded, token, "/users/31337/recommendations?genre=Opera")
    ask(guarded, "bad token", "/users/31337/recommendations")
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("recsys_assets")]
    assert not [line for line in ours if "31337" in line or "a-person" in line or token in line]
