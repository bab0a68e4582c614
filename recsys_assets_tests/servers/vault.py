"""A Key Vault, and the identity services that give tokens for it, on loopback.

What this cannot show: who may read which secret in Azure, soft deletion, throttling. Tokens are not
signed, and any that was given here is taken.
"""

import base64
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlparse

from recsys_assets_tests.servers.http import QuietHandler, http_server

TENANT, CLIENT, CLIENT_SECRET = "11111111-2222-3333-4444-555555555555", "recsys", "s3cret-of-client"
IDENTITY_HEADER = "header-of-the-app-service"


@dataclass
class VaultDouble:
    """What the vault holds and what was asked of it."""

    url: str = ""
    identity_url: str = ""
    """Where a managed identity asks for tokens; plain HTTP, as on an App Service."""
    secrets: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    tokens: list[tuple[str, str]] = field(default_factory=list)
    """Way in which each token was asked for, and what for."""
    token_seconds: int = 3600
    refusal: int = 0
    """Status with which secrets are refused."""

    def token(self, way: str, audience: str) -> str:
        now = int(time.time())
        self.tokens.append((way, audience))
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "nbf": now,
            "exp": now + self.token_seconds,
            "jti": uuid.uuid4().hex,
        }
        parts = ({"alg": "none", "typ": "JWT"}, claims)
        encoded = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts)
        return b".".join([*encoded, b"c2ln"]).decode()


class _Handler(QuietHandler):
    double: VaultDouble

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlparse(self.path)
        parts = address.path.strip("/").split("/")
        if parts[-1] == "openid-configuration":
            return self._openid(parts[0])
        if parts[-1] == "token":
            return self._client_token(dict(parse_qsl(body.decode())))
        if parts[-1] == "msi":
            return self._managed_token(dict(parse_qsl(address.query)))
        return self._secret(parts)

    do_GET = do_POST = _handle

    def _openid(self, tenant: str) -> None:
        base = f"{self.double.url}/{tenant}"
        self._answer(
            200,
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0",
            },
        )

    def _client_token(self, form: dict[str, str]) -> None:
        if form.get("client_secret") != CLIENT_SECRET:
            message = "AADSTS7000215: Invalid client secret provided."
            return self._answer(401, {"error": "invalid_client", "error_description": message})
        audience = form["scope"].split()[0].removesuffix("/.default")
        self._token(self.double.token("client secret", audience))

    def _managed_token(self, query: dict[str, str]) -> None:
        if self.headers.get("X-IDENTITY-HEADER") != IDENTITY_HEADER:
            return self._answer(401, {})
        self._token(self.double.token("managed identity", query["resource"]))

    def _token(self, token: str) -> None:
        seconds = self.double.token_seconds
        self._answer(
            200,
            {
                "token_type": "Bearer",
                "access_token": token,
                "expires_in": seconds,
                "expires_on": str(int(time.time()) + seconds),
            },
        )

    def _secret(self, parts: list[str]) -> None:
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            challenge = (
                f'Bearer authorization="{self.double.url}/{TENANT}", '
                'resource="https://vault.azure.net"'
            )
            return self._answer(401, {"error": {"code": "Unauthorized"}}, challenge)
        if self.double.refusal:
            error = {"code": "Forbidden", "message": "The user may not get secrets."}
            return self._answer(self.double.refusal, {"error": error})
        name = parts[1]
        self.double.reads.append(name)
        if name not in self.double.secrets:
            return self._answer(404, {"error": {"code": "SecretNotFound", "message": "no such"}})
        identity = f"{self.double.url}/secrets/{name}/{'0' * 32}"
        return self._answer(
            200,
            {"value": self.double.secrets[name], "id": identity, "attributes": {"enabled": True}},
        )

    def _answer(self, status: int, content: dict[str, Any], challenge: str = "") -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def vault_double(certificate: Path) -> Iterator[VaultDouble]:
    """Open a vault that shows a certificate, and an identity service beside it."""
    double = VaultDouble()
    handler = type("Handler", (_Handler,), {"double": double})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http_server(handler, tls=context) as port, http_server(handler) as identity_port:
        double.url = f"https://127.0.0.1:{port}"
        double.identity_url = f"http://127.0.0.1:{identity_port}/msi"
        yield double
