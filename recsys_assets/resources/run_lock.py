"""One run at a time in a home: two would write the same tables.

Dagster queues the runs that it launches; `recsys run` and commands that change tables run in
processes of their own. They all take this lock; a process that dies leaves it free.

In the file stand the runs that hold it. A run strikes itself out when it gives the lock back, so a
run that stands in a lock that is free has died.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_held: dict[Path, IO[bytes]] = {}
_runs: dict[Path, set[str]] = {}
"""Lock → runs of this process that stand in it."""

LONGEST_WAIT_SECONDS = 6 * 3600.0
"""A run of Dagster's waits for one of `recsys run`; monitoring ends it if it waits for ever."""
_LOOK_SECONDS = 0.5


class HomeBusyError(Exception):
    """Another process is changing the tables of this home."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"another run is at work in {home}; wait for its end or end it, then try again"
        )


def acquire(
    home: Path,
    wait_seconds: float = 0.0,
    run_id: str = "",
    tell: Callable[[str], object] | None = None,
) -> bool:
    """Take the lock for this process; whether it was not held by this process before.

    Args:
        home: folder of all state.
        wait_seconds: how long to wait for another process.
        run_id: the run that works under the lock, if one does.
        tell: is told for whom it waits, where it has to.

    Raises:
        HomeBusyError: another process holds it, and went on holding it for the time to wait.
    """
    path = _lock_of(home)
    is_new = path not in _held
    if is_new:
        _held[path] = _locked(home, wait_seconds, tell)
    if run_id:
        _runs.setdefault(path, set()).add(run_id)
        with suppress(OSError):  # a full disk is told by what the run was to write
            _write(path, {*_read(path), run_id})
    return is_new


def runs_in_lock(home: Path) -> set[str]:
    """Runs of other processes that stand in the lock; where it is free, these have died."""
    path = _lock_of(home)
    return _read(path) - _runs.get(path, set())


def strike_out(home: Path, run_ids: set[str]) -> None:
    """Take runs out of the lock, which this process holds."""
    path = _lock_of(home)
    _write(path, _read(path) - run_ids)


def _lock_of(home: Path) -> Path:
    return home / "run.lock"


def _read(path: Path) -> set[str]:
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()


def _write(path: Path, run_ids: set[str]) -> None:
    file = _held[path]
    file.truncate(0)
    file.write("\n".join(sorted(run_ids)).encode())  # it is open for appending


def _locked(home: Path, wait_seconds: float, tell: Callable[[str], object] | None) -> IO[bytes]:
    home.mkdir(parents=True, exist_ok=True)
    file = _lock_of(home).open("ab", buffering=0)  # what stands in it is not ours to remove
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                file.close()
                raise HomeBusyError(home) from None
            if tell is not None:
                tell(f"another run is at work in {home}: waits for its end")
                tell = None
            time.sleep(_LOOK_SECONDS)
        else:
            return file


def release(home: Path) -> None:
    """Give the lock back; nothing where this process does not hold it."""
    path = _lock_of(home)
    if path not in _held:
        return
    if ours := _runs.pop(path, set()):
        with suppress(OSError):  # a run that has ended is nobody's concern, wherever it stands
            strike_out(home, ours)
    _held.pop(path).close()


@contextmanager
def alone(
    home: Path,
    wait_seconds: float = 0.0,
    run_id: str = "",
    tell: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Hold the lock for a while; the arguments are those of `acquire`.

    Raises:
        HomeBusyError: another process holds it.
    """
    taken = acquire(home, wait_seconds, run_id, tell)
    try:
        yield
    finally:
        if taken:
            release(home)
