"""An issuer of tokens on loopback that publishes its keys as Entra ID does."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from recsys_assets_tests.servers.http import QuietHandler, http_server

ISSUER = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
AUDIENCE = "66666666-7777-8888-9999-000000000000"


class Issuer:
    """Signs tokens and serves the public halves of its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.fetched = 0
        self.up = True
        self.answer = b""
        """What it answers instead of its keys."""
        self.url = ""

    def add_key(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(65537, 2048)

    def published(self) -> list[dict[str, Any]]:
        algorithm = jwt.algorithms.RSAAlgorithm
        return [
            json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]

    def token(self, kid: str = "one", key: Any = None, alg: str = "RS256", **claims: Any) -> str:
        """A good token, but for the claims given; None leaves a claim out."""
        now = int(time.time())
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "oid": "somebody",
            "roles": ["reader"],
        }
        chosen = {name: value for name, value in (good | claims).items() if value is not None}
        return jwt.encode(chosen, key or self.keys[kid], algorithm=alg, headers={"kid": kid})


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer with one key."""
    issuer = Issuer()
    issuer.add_key("one")

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = issuer.answer or json.dumps({"keys": issuer.published()}).encode()
            issuer.fetched += 1
            self.send_response(200 if issuer.up else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(Handler) as port:
        issuer.url = f"http://127.0.0.1:{port}/keys"
        yield issuer
