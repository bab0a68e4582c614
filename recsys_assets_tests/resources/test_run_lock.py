"""Who holds the lock of a home, who waits for it, and which runs stand in it."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recsys_assets.resources import run_lock
from recsys_assets.resources.run_lock import (
    HomeBusyError,
    acquire,
    alone,
    release,
    runs_in_lock,
    strike_out,
)


@contextmanager
def held_by_another(home: Path) -> Iterator[None]:
    """The lock through another opening of its file, as another process has it."""
    home.mkdir(exist_ok=True)
    with (home / "run.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_free(home: Path) -> bool:
    with (home / "run.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_whoever_took_it_first_gives_it_back(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    with alone(home):
        assert not acquire(home)
        with alone(home):
            pass
        assert not is_free(home)
    assert is_free(home)
    release(home)  # nobody's
    with pytest.raises(ZeroDivisionError), alone(home):
        _ = 1 / 0
    assert is_free(home)


def test_who_must_not_wait_is_told_and_holds_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    with held_by_another(tmp_path):
        for _ in range(2):
            with pytest.raises(HomeBusyError, match="another run is at work"):
                acquire(tmp_path, tell=said.append)
    assert said == [], "nobody waited"
    assert acquire(tmp_path), "what failed was not taken for holding it"
    release(tmp_path)


def test_who_waits_says_so_once_and_goes_on_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "_LOOK_SECONDS", 0.01)
    said: list[str] = []
    with held_by_another(tmp_path), pytest.raises(HomeBusyError):
        acquire(tmp_path, wait_seconds=0.1, tell=said.append)
    assert len(said) == 1 and str(tmp_path) in said[0]
    asked, end = threading.Event(), threading.Event()

    def hold() -> None:
        with held_by_another(tmp_path):
            asked.set()
            end.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    asked.wait(10)
    with alone(tmp_path, wait_seconds=10, tell=lambda _: end.set()):
        other.join()


def test_runs_of_the_dead_stay_until_they_are_struck_out(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    assert runs_in_lock(tmp_path) == set()
    lock.write_text("dead\nother")
    assert acquire(tmp_path, run_id="ours")
    assert not acquire(tmp_path, run_id="ours-too")
    assert lock.read_text().split() == ["dead", "other", "ours", "ours-too"]
    assert runs_in_lock(tmp_path) == {"dead", "other"}, "of other processes"
    strike_out(tmp_path, {"dead"})
    release(tmp_path)
    assert lock.read_text().split() == ["other"], "ours have ended, and are not taken for dead"
    assert runs_in_lock(tmp_path) == {"other"}


def test_a_full_disk_keeps_nobody_from_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(run_lock, "_write", full)
    assert acquire(tmp_path, run_id="ours")
    assert not is_free(tmp_path)
    release(tmp_path)
    assert is_free(tmp_path)
