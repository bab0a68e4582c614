"""One run at a time in a home: two would write the same tables.

Dagster queues the runs that it launches; `recsys run` and commands that change tables run in
processes of their own. They all take this lock; a process that dies leaves it free.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}

_LOOK_SECONDS = 0.5


class HomeBusyError(Exception):
    """Another process is changing the tables of this home."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"another run is at work in {home}; wait for its end or end it, then try again"
        )


def acquire(home: Path, wait_seconds: float = 0.0) -> bool:
    """Take the lock for this process; whether it was not held by this process before.

    Raises:
        HomeBusyError: another process holds it, and went on holding it for the time to wait.
    """
    path = home / "run.lock"
    if path in _held:
        return False
    home.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                file.close()
                raise HomeBusyError(home) from None
            time.sleep(_LOOK_SECONDS)
        else:
            _held[path] = file
            return True


def release(home: Path) -> None:
    """Give the lock back; nothing where this process does not hold it."""
    file = _held.pop(home / "run.lock", None)
    if file is not None:
        file.close()


@contextmanager
def alone(home: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock for a while.

    Raises:
        HomeBusyError: another process holds it.
    """
    taken = acquire(home, wait_seconds)
    try:
        yield
    finally:
        if taken:
            release(home)
