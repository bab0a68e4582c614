"""Unsubscribe links: a user and a signature, so that nobody can unsubscribe somebody else."""

import hashlib
import hmac


def unsubscribe_link(public_url: str, user: int, key: str) -> str:
    """The link of one user."""
    return f"{public_url.rstrip('/')}/unsubscribe?user={user}&signature={signature(user, key)}"


def signature(user: int, key: str) -> str:
    """What only the holder of the key can write."""
    return hmac.new(key.encode(), f"unsubscribe:{user}".encode(), hashlib.sha256).hexdigest()[:32]


def is_signed(user: int, given: str, key: str) -> bool:
    """Whether a signature is that of a user."""
    return hmac.compare_digest(signature(user, key).encode(), given.encode("utf-8", "replace"))
