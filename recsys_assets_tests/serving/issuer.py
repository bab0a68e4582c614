"""An issuer of tokens on loopback that publishes its keys as Entra ID does."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
AUDIENCE = "66666666-7777-8888-9999-000000000000"


class Issuer:
    """Signs tokens and serves the public halves of its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.fetched = 0
        self.up = True
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetched += 1
                self.send_response(200 if issuer.up else 500)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.published()}).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/keys"

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
    try:
        yield issuer
    finally:
        issuer.server.shutdown()
        issuer.server.server_close()
