"""Who sees which version: a user's place between 0 and 1, the same every time and everywhere."""

import hashlib

FULL = 2.0**64


def place_of(user: int, salt: str) -> float:
    """A number in [0, 1) that follows from user and salt alone, evenly spread over users.

    Args:
        user: id of the user.
        salt: name of the experiment; another one draws another, independent place.
    """
    digest = hashlib.blake2b(b"%d" % user, key=salt.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "little") / FULL
