"""Who is asking: bearer tokens checked against the issuer's published keys.

A token that has been found good is remembered until it runs out, or until its key is withdrawn, so
that a caller's next request costs a look into a dictionary instead of a signature check.
"""

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from recsys_assets.serving.problems import Problem
from recsys_assets.serving.settings import ROLES, AuthSettings

_LOG = logging.getLogger(__name__)
ALGORITHMS = ["RS256"]
"""Entra ID signs with nothing else; above all neither ``none`` nor a shared secret."""
MOST_REMEMBERED = 10_000
LARGEST_TOKEN = 16_384
_GRANTS = {"reader": {"reader"}, "scorer": {"reader", "scorer"}, "admin": set(ROLES)}


@dataclass(frozen=True)
class Caller:
    """Somebody who may ask."""

    name: str
    """Stands for the caller in limits and logs; says nothing of who it is."""
    roles: frozenset[str]
    """Everything the caller may do; an admin may do all."""
    expires: float
    key: str = ""
    """Id of the key that signed the token."""

    def require(self, role: str) -> None:
        """Let a caller with the role pass.

        Raises:
            Problem: 403, the caller has not got it.
        """
        if role not in self.roles:
            raise Problem(403, f"this needs the role {role!r}; ask for it to be assigned to you")


ANYBODY = Caller("local", frozenset(ROLES), float("inf"))
"""The caller where no tokens are asked for, on loopback."""


class TokenVerifier:
    """Checks tokens of one issuer."""

    def __init__(self, settings: AuthSettings) -> None:
        self.settings = settings
        self.keys: dict[str, Any] = {}
        self.fetched = float("-inf")
        self.tried = float("-inf")
        self._known: dict[bytes, Caller] = {}
        self._fetching = asyncio.Lock()

    def remembered(self, authorization: bytes) -> Caller | None:
        """The caller of a header seen before; None where it must be checked (again)."""
        caller = self._known.get(authorization)
        if caller is not None and caller.expires > time.time():
            return caller
        return None

    async def caller(self, authorization: bytes | None) -> Caller:
        """The caller that the header ``Authorization`` proves.

        Raises:
            Problem: 401 where it proves none, 403 where it has no role here, 503 where the
                issuer's keys cannot be had.
        """
        if authorization is None:
            raise _refused("send a bearer token in the header Authorization")
        known = self.remembered(authorization)
        if known is not None:
            return known
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token or len(token) > LARGEST_TOKEN:
            raise _refused("the header Authorization must be: Bearer TOKEN")
        caller = self._caller_of(await self._claims(token), token)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[authorization] = caller
        return caller

    async def _claims(self, token: bytes) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise _refused("the token is not a JSON web token") from error
        if header.get("alg") not in ALGORITHMS:
            raise _refused(f"tokens must be signed with {ALGORITHMS[0]}")
        key = await self._key(str(header.get("kid", "")))
        try:
            return jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.settings.audiences,
                issuer=self.settings.issuers,
                leeway=self.settings.leeway,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise _refused(f"the token is not valid: {error}") from error

    def _caller_of(self, claims: dict[str, Any], token: bytes) -> Caller:
        named = claims.get("roles") or []
        assigned = {named} if isinstance(named, str) else set(map(str, named))
        roles = frozenset(role for name in assigned & set(_GRANTS) for role in _GRANTS[name])
        if not roles:
            raise Problem(403, f"the token has none of the roles {', '.join(ROLES)}")
        who = str(claims.get("oid") or claims.get("azp") or claims.get("sub") or "")
        name = hashlib.blake2b(who.encode(), digest_size=6).hexdigest()
        expires = float(claims["exp"]) + self.settings.leeway
        return Caller(name, roles, expires, str(jwt.get_unverified_header(token).get("kid")))

    async def _key(self, kid: str) -> Any:
        """The public key of an id; an unknown one may be new, so the keys are fetched again."""
        age = time.monotonic() - self.fetched
        if kid not in self.keys or age > self.settings.refresh_seconds:
            await self.refresh()
        if kid not in self.keys:
            raise _refused("the token is signed with a key that its issuer does not publish")
        return self.keys[kid]

    async def refresh(self) -> None:
        """Fetch the issuer's keys, unless that was just tried.

        Tokens signed with a key that is gone are no longer remembered. Keys that were known stay
        where the issuer cannot be reached.

        Raises:
            Problem: 503, no keys are known at all.
        """
        async with self._fetching:
            if time.monotonic() - self.tried >= self.settings.cooldown_seconds:
                self.tried = time.monotonic()
                try:
                    self.keys = await self._published()
                except (httpx.HTTPError, jwt.PyJWTError, ValueError) as error:
                    _LOG.warning("no keys from %s: %r", self.settings.jwks_url, error)
                else:
                    self.fetched = time.monotonic()
                    self._known = {h: c for h, c in self._known.items() if c.key in self.keys}
            if not self.keys:
                raise Problem(503, "the issuer's keys cannot be had just now; try again")

    async def _published(self) -> dict[str, Any]:
        """The issuer's keys by their ids."""
        async with httpx.AsyncClient(timeout=5.0, follow_redirects=False) as client:
            answer = await client.get(self.settings.jwks_url)
        published = answer.raise_for_status().json()
        if not isinstance(published, dict):
            raise ValueError("the answer is no set of keys")
        found = jwt.PyJWKSet.from_dict(published).keys
        return {str(key.key_id): key.key for key in found if _signs(key)}


def _signs(key: jwt.PyJWK) -> bool:
    return key.key_id is not None and key.key_type == "RSA" and key.public_key_use in (None, "sig")


def _refused(detail: str) -> Problem:
    return Problem(401, detail, [("WWW-Authenticate", 'Bearer error="invalid_token"')])
