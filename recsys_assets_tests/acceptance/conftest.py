"""A home in which the graph has run, for all tests that only look at it."""

from pathlib import Path

import pytest
from filelock import FileLock

from recsys_assets_tests.acceptance.commands import SMALL, recsys


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home in which the graph ran once, undisturbed; the same for all processes of the tests."""
    own = tmp_path_factory.getbasetemp()
    home = (own if worker_id == "master" else own.parent) / "undisturbed"
    with FileLock(f"{home}.lock"):
        done = home.with_suffix(".done")
        if not done.exists():
            generated = recsys(home, "generate", *SMALL)
            assert generated.returncode == 0, generated.stderr
            ran = recsys(home, "run")
            assert ran.returncode == 0, ran.stderr
            done.touch()
    return home
